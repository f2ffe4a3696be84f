"""The AsyncAPI document for people."""

import html
from typing import Any

from starlette.responses import HTMLResponse

from services.api.html_page import field_line, field_list, render_page, text_to_html

_GROUPS = {
    "publish": "Events",
    "do": "Commands",
    "hear": "Live",
    "tell": "Live",
    "ask": "Requests",
    "answer": "Queries",
}
_ENVELOPE_FIELDS = ("id", "at", "organization_id", "instance_id", "cause", "request_id")
"""Of every message; told once at the top."""


def page(document: dict[str, Any]) -> HTMLResponse:
    """Every message with its subject and its fields, by kind."""
    groups: dict[str, str] = dict.fromkeys(_GROUPS.values(), "")
    for name, operation in document["operations"].items():
        group = next(shown for prefix, shown in _GROUPS.items() if name.startswith(prefix))
        groups[group] += _section(document, operation)
    body = "".join(f"<h2>{name}</h2>{sections}" for name, sections in groups.items())
    link = '<p>For programs: <a href="/asyncapi.json">asyncapi.json</a></p>'
    return render_page("Switchboard on NATS", f"<p>{text_to_html(document['info']['description'])}</p>{link}{body}")


def _section(document: dict[str, Any], operation: dict[str, Any]) -> str:
    name = _last(operation["channel"])
    channel = document["channels"][name]
    schema = _payload(document, name)
    required = schema.get("required", [])
    own = [
        field_line(field, item, field in required)
        for field, item in schema.get("properties", {}).items()
        if field not in _ENVELOPE_FIELDS
    ]
    return (
        f"<section><h3>{html.escape(name)}</h3><p><code>{html.escape(channel['address'])}</code></p>"
        f"<p>{text_to_html(channel['description'])}</p>{field_list(own)}{_reply(document, operation)}</section>"
    )


def _reply(document: dict[str, Any], operation: dict[str, Any]) -> str:
    if "reply" not in operation:
        return ""
    shown = ", ".join(_payload(document, _last(operation["reply"]["channel"])).get("properties", {}))
    return f"<p>answer: <code>{html.escape(shown)}</code></p>"


def _payload(document: dict[str, Any], message: str) -> dict[str, Any]:
    components = document["components"]
    found: dict[str, Any] = components["schemas"][_last(components["messages"][message]["payload"])]
    return found


def _last(reference: dict[str, str]) -> str:
    return reference["$ref"].rsplit("/", 1)[1]
