"""Serves the web console: static files without a build step. `/` is the page; its assets are below
`/console/<version>/`.

The version is a hash of all files, so browsers cache assets forever and only revalidate the page.
"""

import base64
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
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""Media types of the served file extensions, fixed because the types of the machine may differ; others are a 404."""

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
    # without a version in its path, a file is revalidated each time, mostly with 304 by its ETag
    "Cache-Control": "no-cache",
}
IMMUTABLE_HEADERS = {**PAGE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
_VERSIONED_PATH = re.compile(r"(v-[0-9a-f]{12})/(.*)", re.DOTALL)
FileVersions = tuple[tuple[str, int, int], ...]
"""Path, modification time in ns and size of each file."""

router = APIRouter(include_in_schema=False)


def console_file(root: Path, path: str) -> Path:
    """The file `path` below `root`. Raises Problem 404 for everything that is not served."""
    try:
        file = (root / path).resolve()
        is_served = file.is_relative_to(root) and file.suffix in MEDIA_TYPES and file.is_file()
    except (OSError, ValueError):  # not a file name: too long, with a NUL or a half surrogate pair
        is_served = False
    if not is_served:
        raise Problem(404, "not_found", "the console has no such file; open / for the console")
    return file


def _file_response(request: Request, file: Path, headers: dict[str, str] = PAGE_HEADERS) -> Response:
    response = FileResponse(file, media_type=MEDIA_TYPES[file.suffix], headers=headers, stat_result=file.stat())
    return _not_modified_or(request, response, headers)


def _not_modified_or(request: Request, response: Response, headers: dict[str, str]) -> Response:
    tag = response.headers["ETag"]
    if request.headers.get("If-None-Match", "").removeprefix("W/") == tag:
        return Response(status_code=304, headers={**headers, "ETag": tag})
    return response


def _file_versions() -> FileVersions:
    files = sorted(file for file in CONSOLE_ROOT.rglob("*") if file.suffix in MEDIA_TYPES)
    return tuple((str(file), (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files)


@lru_cache(maxsize=1)
def _version(files: FileVersions) -> str:
    """Changes when any file changes."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        digest.update(path.encode() + b"\x00" + Path(path).read_bytes())
    return f"v-{digest.hexdigest()[:12]}"


def _page_policy(content: str) -> str:
    """The policy that also allows the import map of this page, by its hash."""
    [import_map] = re.findall(r'<script type="importmap">(.*?)</script>', content, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    return CONTENT_SECURITY_POLICY.replace("script-src 'self'", f"script-src 'self' 'sha256-{digest}'")


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself."""
    version = _version(_file_versions())
    content = console_file(CONSOLE_ROOT, "index.html").read_text().replace('"/console/', f'"/console/{version}/')
    headers = {**PAGE_HEADERS, "Content-Security-Policy": _page_policy(content), "ETag": f'"{version}"'}
    # a 304 replaces the stored headers, so it needs the policy of this page too
    return _not_modified_or(request, Response(content, media_type=MEDIA_TYPES[".html"], headers=headers), headers)


@router.get("/api/config")
async def config(request: Request) -> dict[str, bool | str]:
    """What the page offers before login: the simulator, and registration `open|first|closed`."""
    settings = request.app.state.context.settings
    return {"simulator": bool(settings.simulator_url), "registration": settings.registration_policy}


@router.get("/console/{path:path}")
async def asset(request: Request, path: str) -> Response:
    """A script, style or image. For an earlier version the current file is served, without caching."""
    if match := _VERSIONED_PATH.fullmatch(path):
        version, path = match.groups()
        is_current = version == _version(_file_versions())
        return _file_response(
            request, console_file(CONSOLE_ROOT, path), IMMUTABLE_HEADERS if is_current else PAGE_HEADERS
        )
    return _file_response(request, console_file(CONSOLE_ROOT, path))
