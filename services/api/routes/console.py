"""The web console: static files, no build step. `/` is the page, what it loads lies below `/console/`."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from shared.errors import Problem

ROOT = Path(__file__).resolve().parent.parent / "console"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
"""What is served, and as what: a type the machine guesses differently would not run. Anything else is a 404."""

POLICY = "; ".join(
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
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # names carry no version, so a browser asks each time and mostly hears 304 by the ETag
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)


def console_file(root: Path, path: str) -> Path:
    """The file below `root` that `path` names. Raises Problem 404 for everything that is not served."""
    try:
        found = (root / path).resolve()
        served = found.is_relative_to(root) and found.suffix in TYPES and found.is_file()
    except (OSError, ValueError):  # no name of a file: too long, with a NUL, half a character
        served = False
    if not served:
        raise Problem(404, "not_found", "the console has no such file; open / for the console")
    return found


def _answer(request: Request, file: Path) -> Response:
    answer = FileResponse(file, media_type=TYPES[file.suffix], headers=HEADERS, stat_result=file.stat())
    tag = answer.headers["ETag"]
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers={**HEADERS, "ETag": tag})
    return answer


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself."""
    return _answer(request, console_file(ROOT, "index.html"))


@router.get("/api/config")
async def config(request: Request) -> dict[str, bool | str]:
    """What the page offers before anybody logged in: a simulated phone, registration `open|first|closed`."""
    settings = request.app.state.context.settings
    return {"simulator": bool(settings.simulator_url), "registration": settings.registration_policy}


@router.get("/console/{path:path}")
async def asset(request: Request, path: str) -> Response:
    """A script, style or picture of the page."""
    return _answer(request, console_file(ROOT, path))
