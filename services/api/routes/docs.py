"""/docs: the OpenAPI document for people, on one page that loads nothing from elsewhere and runs no script."""

import base64
import hashlib
import html
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #8886;padding:.8rem 0}code,pre{font:14px/1.4 ui-monospace,monospace}
h3{margin:0;font-size:1rem}h3 b{display:inline-block;min-width:4.5rem;color:#0a7d5a}p{margin:.2rem 0}
pre{overflow:auto;background:#8881;padding:.6rem;border-radius:.4rem}summary{cursor:pointer}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'"


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The page."""
    return HTMLResponse(page(request.app.openapi()), headers={"Content-Security-Policy": _POLICY})


def page(document: dict[str, Any]) -> str:
    """Every operation with its fields, grouped by tag."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            shown = _operation(document, f"{method.upper()} {path}", operation)
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(shown)
    body = "".join(f"<h2>{html.escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    title, about = html.escape(document["info"]["title"]), html.escape(document["info"]["description"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title} API</title><style>{_STYLE}</style><h1>{title} API</h1><p>{about}</p>"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a></p>{body}</html>'
    )


def _operation(document: dict[str, Any], name: str, operation: dict[str, Any]) -> str:
    method, path = name.split(" ", 1)
    parameters = [
        _field(item["name"], item["schema"], item.get("required")) for item in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    lines = parameters + _fields(document, content.get("schema", {}))
    answers = ", ".join(
        f"{code} {html.escape(answer['description'])}" for code, answer in operation["responses"].items()
    )
    about = html.escape(operation.get("description", ""))
    fields = f"<pre>{html.escape(chr(10).join(lines))}</pre>" if lines else ""
    return (
        f"<section><h3><b>{method}</b> <code>{html.escape(path)}</code></h3><p>{about}</p>{fields}"
        f"<details><summary>Answers</summary><p>{answers}</p></details></section>"
    )


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """The fields of a body's schema, references followed."""
    for option in schema.get("anyOf", [schema]):
        if "$ref" in option:
            found = document["components"]["schemas"][option["$ref"].rsplit("/", 1)[1]]
            required = found.get("required", [])
            return [_field(name, item, name in required) for name, item in found.get("properties", {}).items()]
    return []


def _field(name: str, schema: dict[str, Any], required: bool | None) -> str:
    options = schema.get("anyOf", [schema])
    kinds = [str(item.get("type") or item.get("$ref", "any").rsplit("/", 1)[-1]) for item in options]
    more = f", {schema['description']}" if "description" in schema else ""
    return f"{name}{'' if required else '?'}: {' | '.join(kinds)}{more}"
