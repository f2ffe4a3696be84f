"""Serves the web console: static files without a build step. `/` is the page; its assets are below
`/console/<version>/`.

The version is a hash of all files, so browsers cache assets forever and only revalidate the page.
"""

import re
from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.api.web_console.console_files import CONSOLE_ROOT, ConsoleFiles, ServedFile
from services.api.web_console.index_page import CONTENT_SECURITY_POLICY

PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # without a version in its path, a file is revalidated each time, mostly with 304 by its ETag
    "Cache-Control": "no-cache",
}
IMMUTABLE_HEADERS = {**PAGE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
_VERSIONED_PATH = re.compile(r"(v-[0-9a-f]{12})/(.*)", re.DOTALL)

router = APIRouter(include_in_schema=False)
console_files = ConsoleFiles(CONSOLE_ROOT)


def _response(request: Request, file: ServedFile, headers: Mapping[str, str] = PAGE_HEADERS) -> Response:
    """The file in the form that this browser accepts, or 304 when it has that form."""
    is_compressed = file.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", "")
    sent = {**headers, "Vary": "Accept-Encoding", "ETag": f'"{file.etag}{"-gzip" if is_compressed else ""}"'}
    if request.headers.get("If-None-Match", "").removeprefix("W/") == sent["ETag"]:
        return Response(status_code=304, headers=sent)
    if is_compressed:
        return Response(file.compressed, media_type=file.media_type, headers={**sent, "Content-Encoding": "gzip"})
    return Response(file.content, media_type=file.media_type, headers=sent)


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself."""
    file, page = console_files.current().index_page
    # also on a 304, which replaces the stored headers
    return _response(request, file, {**PAGE_HEADERS, "Content-Security-Policy": page.policy})


@router.get("/manifest.webmanifest")
async def manifest(request: Request) -> Response:
    """What a device needs to install the console."""
    return _response(request, console_files.current().file("manifest.webmanifest"))


@router.get("/service-worker.js")
async def service_worker(request: Request) -> Response:
    """The script that opens the console without the server; it lies at the root because it serves `/`."""
    return _response(request, console_files.current().service_worker)


@router.get("/api/config")
async def config(request: Request) -> dict[str, bool | str]:
    """What the page offers before login: the simulator, registration `open|first|closed`, and whether mails
    are sent."""
    settings = request.app.state.context.settings
    return {
        "simulator": bool(settings.simulator_url),
        "registration": settings.registration_policy,
        "email": settings.sends_mail,
    }


@router.get("/console/gallery.html")
async def gallery(request: Request) -> Response:
    """Every component of the console in every state; nothing leads here."""
    file, policy = console_files.current().gallery_page
    return _response(request, file, {**PAGE_HEADERS, "Content-Security-Policy": policy})


@router.get("/console/{path:path}")
async def asset(request: Request, path: str) -> Response:
    """A script, style, image, font or sound. For an earlier version the current file is served, without caching."""
    if match := _VERSIONED_PATH.fullmatch(path):
        version, path = match.groups()
        console = console_files.current_or(version)
        return _response(request, console.file(path), IMMUTABLE_HEADERS if console.name == version else PAGE_HEADERS)
    return _response(request, console_files.current().file(path))
