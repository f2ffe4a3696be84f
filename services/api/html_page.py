"""HTML of the documentation pages: self-contained, without scripts."""

import base64
import hashlib
import html
import json
import re
from typing import Any

from starlette.responses import HTMLResponse

_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #8886;padding:.8rem 0}code,pre{font:14px/1.4 ui-monospace,monospace}
h3{margin:0;font-size:1rem}h3 b{display:inline-block;min-width:4.5rem;color:light-dark(#0a7d5a,#4cc79b)}
p{margin:.2rem 0}pre{overflow:auto;background:#8881;padding:.6rem;border-radius:.4rem}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; frame-ancestors 'none'"


def render_page(title: str, body: str) -> HTMLResponse:
    """A whole page, with a content security policy that allows only this style."""
    escaped_title = html.escape(title)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escaped_title}</title><style>{_STYLE}</style><h1>{escaped_title}</h1>{body}</html>",
        headers={"Content-Security-Policy": _POLICY},
    )


def text_to_html(text: str) -> str:
    """Escaped text; backticks become `<code>`."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def field_list(lines: list[str]) -> str:
    """Lines of `field_line`, preformatted."""
    return f"<pre>{html.escape(chr(10).join(lines))}</pre>" if lines else ""


def field_line(name: str, schema: dict[str, Any], required: bool | None) -> str:
    """`name?: type, description`; the question mark marks an optional field."""
    description = f", {schema['description']}" if "description" in schema else ""
    return f"{name}{'' if required else '?'}: {' | '.join(map(_type_name, schema.get('anyOf', [schema])))}{description}"


def _type_name(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "items" in schema:
        return f"list of {_type_name(schema['items'])}"
    return str(schema.get("type") or schema.get("$ref", "any").rsplit("/", 1)[-1])
