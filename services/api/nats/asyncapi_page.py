"""The AsyncAPI document as an HTML page."""

import html
from typing import Any

from starlette.responses import HTMLResponse

from services.api.html_page import field_line, field_list, render_page, text_to_html

_GROUPS = {
    "publish": "Events",
    "execute": "Commands",
    "emit": "Ephemeral events",
    "accept": "Ephemeral events",
    "handle": "Requests",
    "answer": "Queries",
}
_ENVELOPE_FIELDS = ("id", "at", "organization_id", "instance_id", "cause", "request_id")
"""Fields of every message, which the description at the top explains."""


def page(document: dict[str, Any]) -> HTMLResponse:
    """Every message with its subject and fields, grouped by kind."""
    groups: dict[str, str] = dict.fromkeys(_GROUPS.values(), "")
    for name, operation in document["operations"].items():
        group = next(title for prefix, title in _GROUPS.items() if name.startswith(prefix))
        groups[group] += _section(document, operation)
    body = "".join(f"<h2>{name}</h2>{sections}" for name, sections in groups.items())
    link = '<p>For programs: <a href="/asyncapi.json">asyncapi.json</a></p>'
    return render_page("Switchboard on NATS", f"<p>{text_to_html(document['info']['description'])}</p>{link}{body}")


def _section(document: dict[str, Any], operation: dict[str, Any]) -> str:
    name = _last(operation["channel"])
    channel = document["channels"][name]
    schema = _payload(document, name)
    required = schema.get("required", [])
    lines = [
        field_line(field, item, field in required)
        for field, item in schema.get("properties", {}).items()
        if field not in _ENVELOPE_FIELDS
    ]
    return (
        f"<section><h3>{html.escape(name)}</h3><p><code>{html.escape(channel['address'])}</code></p>"
        f"<p>{text_to_html(channel['description'])}</p>{field_list(lines)}{_reply(document, operation)}</section>"
    )


def _reply(document: dict[str, Any], operation: dict[str, Any]) -> str:
    if "reply" not in operation:
        return ""
    names = ", ".join(_payload(document, _last(operation["reply"]["channel"])).get("properties", {}))
    return f"<p>reply: <code>{html.escape(names)}</code></p>"


def _payload(document: dict[str, Any], message: str) -> dict[str, Any]:
    components = document["components"]
    schema: dict[str, Any] = components["schemas"][_last(components["messages"][message]["payload"])]
    return schema


def _last(reference: dict[str, str]) -> str:
    return reference["$ref"].rsplit("/", 1)[1]
