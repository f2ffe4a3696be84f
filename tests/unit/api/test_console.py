"""The console's files: which are served, with which media type, and which are not."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from services.api.routes import console
from services.api.routes.console import CONSOLE_ROOT, MEDIA_TYPES, console_file, router
from shared.contracts.errors import Problem

SOURCES = [
    file for file in CONSOLE_ROOT.rglob("*") if file.suffix in {".js", ".css", ".html"} and file.parent.name != "vendor"
]


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI()
    made.include_router(router)
    return made


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://console") as client:
        yield client


async def test_the_page_is_html_and_allows_nothing_from_elsewhere(browser: AsyncClient) -> None:
    answer = await browser.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "img-src 'self' data:" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_everything_the_page_names_is_served_with_its_type(browser: AsyncClient) -> None:
    named = re.findall(r'(?:href|src)="(/console/[^"]+)"', (await browser.get("/")).text)
    assert len(named) > 5
    for path in named:
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == MEDIA_TYPES[Path(path).suffix], path


async def test_a_browser_that_has_the_file_gets_not_modified(browser: AsyncClient) -> None:
    first = await browser.get("/console/js/main.js")
    second = await browser.get("/console/js/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert first.headers["cache-control"] == "no-cache"
    assert second.status_code == 304
    assert second.content == b""
    assert second.headers["content-security-policy"] == first.headers["content-security-policy"]


async def test_assets_are_cached_forever_until_a_file_changes(
    browser: AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(CONSOLE_ROOT, tmp_path / "console")
    monkeypatch.setattr(console, "CONSOLE_ROOT", tmp_path / "console")
    page = await browser.get("/")
    script = next(path for path in re.findall(r'src="(/console/[^"]+)"', page.text))
    assert (await browser.get(script)).headers["cache-control"] == "public, max-age=31536000, immutable"
    same = await browser.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (same.status_code, page.headers["cache-control"]) == (304, "no-cache")
    (tmp_path / "console/js/main.js").write_text("// another one")
    changed = await browser.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert changed.status_code == 200
    assert script not in changed.text
    old = await browser.get(script)
    assert (old.text, old.headers["cache-control"]) == ("// another one", "no-cache")


@pytest.mark.parametrize(
    "path", ["v-0123456789ab/%2e%2e/%2e%2e/app.py", "v-0123456789ab//etc/hosts", "v-/js/main.js", "v-0123456789ab/"]
)
async def test_a_version_gives_access_to_nothing_else(browser: AsyncClient, path: str) -> None:
    with pytest.raises(Problem):
        await browser.get(f"/console/{path}")


async def test_the_page_gets_its_configuration(browser: AsyncClient, app: FastAPI) -> None:
    settings = SimpleNamespace(simulator_url="http://127.0.0.1:3005", registration_policy="open")
    app.state.context = SimpleNamespace(settings=settings)
    assert (await browser.get("/api/config")).json() == {"simulator": True, "registration": "open"}
    settings.simulator_url = None
    assert (await browser.get("/api/config")).json() == {"simulator": False, "registration": "open"}


@pytest.mark.parametrize(
    "path", ["../app.py", "js/../../app.py", "vendor/README.md", "js", "", "nothing.js", "/etc/hosts"]
)
def test_nothing_else_can_be_read(path: str) -> None:
    with pytest.raises(Problem) as refused:
        console_file(CONSOLE_ROOT, path)
    assert refused.value.status == 404


def test_every_import_leads_to_a_file() -> None:
    for file in SOURCES:
        for named in re.findall(r'from "(\.[^"]+)"', file.read_text()):
            assert (file.parent / named).resolve().is_file(), f"{file.name} imports {named}"


def test_no_file_is_long_and_none_writes_markup_or_loads_from_elsewhere() -> None:
    for file in SOURCES:
        text = file.read_text()
        assert text.count("\n") <= 300, file.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), file.name
        assert not re.search(r"https?://(?!www\.w3\.org)", text), file.name
