"""The web console: static files, no build step. `/` is the page, what it loads lies below `/console/<version>/`.

The version is a hash of all files, so a browser keeps them for good and asks only for the page.
"""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from shared.contracts.errors import Problem

CONSOLE_ROOT = Path(__file__).resolve().parent.parent / "console"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""What is served, and as what: a type the machine guesses differently would not run. Anything else is a 404."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # what has no version in its path is asked for each time, and mostly answered 304 by its ETag
    "Cache-Control": "no-cache",
}
IMMUTABLE_HEADERS = {**PAGE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
_VERSION = re.compile(r"(v-[0-9a-f]{12})/(.*)", re.DOTALL)
FileVersions = tuple[tuple[str, int, int], ...]
"""Of each file its path, time of change and size."""

router = APIRouter(include_in_schema=False)


def console_file(root: Path, path: str) -> Path:
    """The file below `root` that `path` names. Raises Problem 404 for everything that is not served."""
    try:
        found = (root / path).resolve()
        served = found.is_relative_to(root) and found.suffix in MEDIA_TYPES and found.is_file()
    except (OSError, ValueError):  # no name of a file: too long, with a NUL, half a character
        served = False
    if not served:
        raise Problem(404, "not_found", "the console has no such file; open / for the console")
    return found


def _answer(request: Request, file: Path, headers: dict[str, str] = PAGE_HEADERS) -> Response:
    answer = FileResponse(file, media_type=MEDIA_TYPES[file.suffix], headers=headers, stat_result=file.stat())
    return _not_modified_or(request, answer, headers)


def _not_modified_or(request: Request, answer: Response, headers: dict[str, str]) -> Response:
    tag = answer.headers["ETag"]
    if request.headers.get("If-None-Match", "").removeprefix("W/") == tag:
        return Response(status_code=304, headers={**headers, "ETag": tag})
    return answer


def _file_versions() -> FileVersions:
    files = sorted(file for file in CONSOLE_ROOT.rglob("*") if file.suffix in MEDIA_TYPES)
    return tuple((str(file), (found := file.stat()).st_mtime_ns, found.st_size) for file in files)


@lru_cache(maxsize=1)
def _version(stamps: FileVersions) -> str:
    """Another one as soon as any file changes."""
    digest = hashlib.sha256()
    for path, _, _ in stamps:
        digest.update(path.encode() + b"\x00" + Path(path).read_bytes())
    return f"v-{digest.hexdigest()[:12]}"


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself."""
    version = _version(_file_versions())
    content = console_file(CONSOLE_ROOT, "index.html").read_text().replace('"/console/', f'"/console/{version}/')
    headers = {**PAGE_HEADERS, "ETag": f'"{version}"'}
    return _not_modified_or(request, Response(content, media_type=MEDIA_TYPES[".html"], headers=headers), PAGE_HEADERS)


@router.get("/api/config")
async def config(request: Request) -> dict[str, bool | str]:
    """What the page offers before anybody logged in: a simulated phone, registration `open|first|closed`."""
    settings = request.app.state.context.settings
    return {"simulator": bool(settings.simulator_url), "registration": settings.registration_policy}


@router.get("/console/{path:path}")
async def asset(request: Request, path: str) -> Response:
    """A script, style or picture of the page. Those of an earlier version are the present ones, and not kept."""
    if found := _VERSION.fullmatch(path):
        version, path = found.groups()
        is_present = version == _version(_file_versions())
        return _answer(request, console_file(CONSOLE_ROOT, path), IMMUTABLE_HEADERS if is_present else PAGE_HEADERS)
    return _answer(request, console_file(CONSOLE_ROOT, path))
