"""/docs: the OpenAPI document as a page. /docs/events: the messages on NATS; /asyncapi.json: their AsyncAPI
document."""

import html
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse

from services.api.html_page import field_line, field_list, render_page, text_to_html
from services.api.nats import asyncapi_page
from services.api.openapi import PROBLEM_RESPONSES
from services.api.problems import ProblemBody

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The page about the REST API."""
    return page(request.app.openapi())


@router.get("/docs/events")
async def events(request: Request) -> HTMLResponse:
    """The page about messages on NATS."""
    return asyncapi_page.page(request.app.state.asyncapi())


@router.get("/asyncapi.json")
async def bus_document(request: Request) -> JSONResponse:
    """The AsyncAPI document."""
    return JSONResponse(request.app.state.asyncapi())


def page(document: dict[str, Any]) -> HTMLResponse:
    """Every operation with its fields, grouped by tag."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            section = _operation(document, f"{method.upper()} {path}", operation)
            groups.setdefault(operation.get("tags", ["other"])[0], []).append(section)
    body = "".join(f"<h2>{html.escape(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    title, about = document["info"]["title"], text_to_html(document["info"]["description"])
    links = '<a href="/openapi.json">openapi.json</a>; for other services on NATS: <a href="/docs/events">events</a>'
    return render_page(f"{title} API", f"<p>{about}</p><p>For programs: {links}</p>{_problems()}{body}")


def _operation(document: dict[str, Any], name: str, operation: dict[str, Any]) -> str:
    method, path = name.split(" ", 1)
    parameters = [item for item in operation.get("parameters", []) if item["in"] != "path"]
    lines = [f"{field_line(item['name'], item['schema'], item.get('required'))}  ({item['in']})" for item in parameters]
    body = _schema(document, operation.get("requestBody", {}))
    required = body.get("required", [])
    lines += [field_line(field, item, field in required) for field, item in body.get("properties", {}).items()]
    about = "".join(
        f"<p>{text_to_html(text)}</p>" for text in (operation["description"], body.get("description")) if text
    )
    return (
        f"<section><h3><b>{method}</b> <code>{html.escape(path)}</code></h3>{about}{field_list(lines)}"
        f"{_responses(document, operation['responses'])}</section>"
    )


def _responses(document: dict[str, Any], responses: dict[str, Any]) -> str:
    """Successful responses; errors are the same everywhere and described at the top of the page."""
    successful = {code: _schema(document, response) for code, response in responses.items() if code.startswith("2")}
    return "".join(
        f"<p>{code}: <code>{html.escape(', '.join(schema.get('properties', {})))}</code></p>"
        for code, schema in successful.items()
    )


def _problems() -> str:
    rows = "".join(
        f"<p><b>{code}</b> {text_to_html(response['description'])}</p>" for code, response in PROBLEM_RESPONSES.items()
    )
    field_names = ", ".join(ProblemBody.model_fields)
    return f"<h2>problems</h2><p>Any operation may answer one, with the fields <code>{field_names}</code>:</p>{rows}"


def _schema(document: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The resolved schema of a body or response; empty without JSON."""
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    for alternative in schema.get("anyOf", [schema]):
        if "$ref" in alternative:
            resolved: dict[str, Any] = document["components"]["schemas"][alternative["$ref"].rsplit("/", 1)[1]]
            return resolved
    return {}
