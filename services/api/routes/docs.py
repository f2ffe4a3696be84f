"""/docs: the OpenAPI document for people, and /docs/events: what travels on NATS, with its AsyncAPI document."""

import html
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse

from services.api.html_page import field_line, field_list, render_page, text_to_html
from services.api.nats import asyncapi
from services.api.nats import asyncapi_page as bus_page
from services.api.openapi import PROBLEM_RESPONSES
from services.api.problems import ProblemBody

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The page."""
    return page(request.app.openapi())


@router.get("/docs/events")
async def events() -> HTMLResponse:
    """What services say to each other on NATS."""
    return bus_page.page(_bus_document())


@router.get("/asyncapi.json")
async def bus_document() -> JSONResponse:
    """The same for programs."""
    return JSONResponse(_bus_document())


@cache
def _bus_document() -> dict[str, Any]:
    return asyncapi.document()


def page(document: dict[str, Any]) -> HTMLResponse:
    """Every operation with its fields, grouped by tag."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            shown = _operation(document, f"{method.upper()} {path}", operation)
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(shown)
    body = "".join(f"<h2>{html.escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    title, about = document["info"]["title"], text_to_html(document["info"]["description"])
    links = '<a href="/openapi.json">openapi.json</a>; for other services on NATS: <a href="/docs/events">events</a>'
    return render_page(f"{title} API", f"<p>{about}</p><p>For programs: {links}</p>{_problems()}{body}")


def _operation(document: dict[str, Any], name: str, operation: dict[str, Any]) -> str:
    method, path = name.split(" ", 1)
    beside = [item for item in operation.get("parameters", []) if item["in"] != "path"]
    lines = [f"{field_line(item['name'], item['schema'], item.get('required'))}  ({item['in']})" for item in beside]
    body = _schema(document, operation.get("requestBody", {}))
    required = body.get("required", [])
    lines += [field_line(field, item, field in required) for field, item in body.get("properties", {}).items()]
    about = "".join(
        f"<p>{text_to_html(text)}</p>" for text in (operation["description"], body.get("description")) if text
    )
    return (
        f"<section><h3><b>{method}</b> <code>{html.escape(path)}</code></h3>{about}{field_list(lines)}"
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
    rows = "".join(
        f"<p><b>{code}</b> {text_to_html(answer['description'])}</p>" for code, answer in PROBLEM_RESPONSES.items()
    )
    named = ", ".join(ProblemBody.model_fields)
    return f"<h2>problems</h2><p>Any operation may answer one, with the fields <code>{named}</code>:</p>{rows}"


def _schema(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Of a body or an answer, with its reference followed; empty when it has no JSON."""
    schema = part.get("content", {}).get("application/json", {}).get("schema", {})
    for option in schema.get("anyOf", [schema]):
        if "$ref" in option:
            found: dict[str, Any] = document["components"]["schemas"][option["$ref"].rsplit("/", 1)[1]]
            return found
    return {}
