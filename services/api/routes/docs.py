"""/docs: the OpenAPI document for people, on one page that loads nothing from elsewhere and runs no script."""

import base64
import hashlib
import html
import json
import re
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from services.api.openapi import PROBLEMS
from services.api.problems import ProblemBody

router = APIRouter(include_in_schema=False)

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #8886;padding:.8rem 0}code,pre{font:14px/1.4 ui-monospace,monospace}
h3{margin:0;font-size:1rem}h3 b{display:inline-block;min-width:4.5rem;color:light-dark(#0a7d5a,#4cc79b)}
p{margin:.2rem 0}pre{overflow:auto;background:#8881;padding:.6rem;border-radius:.4rem}
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
    title, about = html.escape(document["info"]["title"]), _prose(document["info"]["description"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title} API</title><style>{_STYLE}</style><h1>{title} API</h1><p>{about}</p>"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a></p>{_problems()}{body}</html>'
    )


def _prose(text: str) -> str:
    """What stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _operation(document: dict[str, Any], name: str, operation: dict[str, Any]) -> str:
    method, path = name.split(" ", 1)
    beside = [item for item in operation.get("parameters", []) if item["in"] != "path"]
    lines = [f"{_field(item['name'], item['schema'], item.get('required'))}  ({item['in']})" for item in beside]
    body = _schema(document, operation.get("requestBody", {}))
    required = body.get("required", [])
    lines += [_field(field, item, field in required) for field, item in body.get("properties", {}).items()]
    about = "".join(f"<p>{_prose(text)}</p>" for text in (operation["description"], body.get("description")) if text)
    fields = f"<pre>{html.escape(chr(10).join(lines))}</pre>" if lines else ""
    return (
        f"<section><h3><b>{method}</b> <code>{html.escape(path)}</code></h3>{about}{fields}"
        f"{_answers(document, operation['responses'])}</section>"
    )


def _answers(document: dict[str, Any], responses: dict[str, Any]) -> str:
    """The good ones; the others look the same everywhere and stand at the top of the page."""
    good = {code: _schema(document, answer) for code, answer in responses.items() if code.startswith("2")}
    return "".join(
        f"<p>{code}: <code>{html.escape(', '.join(schema.get('properties', {})))}</code></p>"
        for code, schema in good.items()
    )


def _problems() -> str:
    rows = "".join(f"<p><b>{code}</b> {_prose(answer['description'])}</p>" for code, answer in PROBLEMS.items())
    fields = ", ".join(ProblemBody.model_fields)
    return f"<h2>problems</h2><p>Any operation may answer one, with the fields <code>{fields}</code>:</p>{rows}"


def _schema(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Of a body or an answer, with its reference followed; empty when it has no JSON."""
    schema = part.get("content", {}).get("application/json", {}).get("schema", {})
    for option in schema.get("anyOf", [schema]):
        if "$ref" in option:
            found: dict[str, Any] = document["components"]["schemas"][option["$ref"].rsplit("/", 1)[1]]
            return found
    return {}


def _field(name: str, schema: dict[str, Any], required: bool | None) -> str:
    more = f", {schema['description']}" if "description" in schema else ""
    return f"{name}{'' if required else '?'}: {' | '.join(map(_kind, schema.get('anyOf', [schema])))}{more}"


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "items" in schema:
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("type") or schema.get("$ref", "any").rsplit("/", 1)[-1])
