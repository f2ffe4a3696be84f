"""The console's files: which are served, with which media type, and which are not."""

import base64
import gzip
import hashlib
import json
import re
import shutil
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from services.api.routes import console
from services.api.routes.console import router
from services.api.web_console.console_files import CONSOLE_ROOT, MEDIA_TYPES, ConsoleFiles
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
    monkeypatch.setattr(console, "console_files", ConsoleFiles(tmp_path / "console"))
    page = await browser.get("/")
    script = next(path for path in re.findall(r'src="(/console/[^"]+)"', page.text) if path.endswith("js/main.js"))
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
    settings = SimpleNamespace(simulator_url="http://127.0.0.1:3005", registration_policy="open", sends_mail=False)
    app.state.context = SimpleNamespace(settings=settings)
    assert (await browser.get("/api/config")).json() == {"simulator": True, "registration": "open", "email": False}
    settings.simulator_url, settings.sends_mail = None, True
    assert (await browser.get("/api/config")).json() == {"simulator": False, "registration": "open", "email": True}


@pytest.mark.parametrize(
    "path", ["../app.py", "js/../../app.py", "vendor/README.md", "js", "", "nothing.js", "/etc/hosts"]
)
def test_nothing_else_can_be_read(path: str) -> None:
    with pytest.raises(Problem) as refused:
        ConsoleFiles(CONSOLE_ROOT).current().file(path)
    assert refused.value.status == 404


async def test_the_import_map_is_the_only_script_inside_the_page_and_allowed_by_its_hash(browser: AsyncClient) -> None:
    answer = await browser.get("/")
    inside = re.findall(r"<script([^>]*)>([^<]+)</script>", answer.text)
    assert [attributes.split('"')[1] for attributes, _ in inside] == ["importmap", "application/json"]
    import_map = inside[0][1]
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    for url in json.loads(import_map)["imports"].values():
        assert re.match(r"/console/v-[0-9a-f]{12}/vendor/", url)
        assert (await browser.get(url)).headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_the_policy_allows_only_what_the_console_has(browser: AsyncClient) -> None:
    answer = await browser.get("/console/js/main.js")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "media-src": "'self' data:",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }


async def test_the_gallery_is_served_for_who_asks_and_is_no_part_of_the_console(browser: AsyncClient) -> None:
    gallery, page = await browser.get("/console/gallery.html"), await browser.get("/")
    assert gallery.headers["content-type"] == "text/html; charset=utf-8"
    assert gallery.headers["content-security-policy"] == page.headers["content-security-policy"]
    named = re.findall(r'(?:href|src)="(/console/[^"]+)"', gallery.text)
    assert {path.rsplit("/", 1)[1] for path in named} >= {"Gallery.js", "gallery.css", "tokens.css", "theme.js"}
    assert not any(path.endswith("/main.js") for path in named)
    for path in named:
        assert (await browser.get(path)).headers["cache-control"].endswith("immutable"), path
    release = (await browser.get("/service-worker.js")).text.split("\n", 1)[0]
    assert "gallery" not in page.text.casefold() + release.casefold()


async def test_the_import_map_comes_before_every_module(browser: AsyncClient) -> None:
    """Some browsers ignore one that follows a module."""
    text = (await browser.get("/")).text
    assert text.index("importmap") < min(text.index('type="module"'), text.index("modulepreload"))


async def test_the_page_names_each_module_of_the_login_page_after_those_it_imports(browser: AsyncClient) -> None:
    text = (await browser.get("/")).text
    named = re.findall(r'<link rel="modulepreload" href="/console/v-[0-9a-f]{12}/([^"]+)">', text)
    assert {"js/main.js", "js/pages/login/LoginPage.js", "js/network/rest.js"} <= set(named)
    assert len(named) == len(set(named))
    for place, path in enumerate(named):
        for imported in re.findall(r'^(?:import|export) [^;]*?"(\.[^"]+)"', (CONSOLE_ROOT / path).read_text(), re.M):
            needed = (CONSOLE_ROOT / path).parent.joinpath(imported).resolve().relative_to(CONSOLE_ROOT).as_posix()
            assert needed in named[:place], f"{path} imports {needed}"


async def test_files_are_compressed_once_and_sent_as_the_browser_accepts_them(browser: AsyncClient) -> None:
    text = (CONSOLE_ROOT / "js/main.js").read_text()
    compressed = await browser.get("/console/js/main.js", headers={"Accept-Encoding": "gzip, br"})
    plain = await browser.get("/console/js/main.js", headers={"Accept-Encoding": "identity"})
    assert (compressed.text, compressed.headers["content-encoding"]) == (text, "gzip")
    assert (plain.text, plain.headers.get("content-encoding")) == (text, None)
    assert compressed.headers["etag"] != plain.headers["etag"]
    assert compressed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    current = console.console_files.current()
    assert current.file("js/main.js") is current.file("js/main.js")
    assert gzip.decompress(current.file("js/main.js").compressed or b"").decode() == text
    assert current.file("fonts/inter-latin-wght-normal.woff2").compressed is None


async def test_the_manifest_names_icons_of_their_size(browser: AsyncClient) -> None:
    answer = await browser.get("/manifest.webmanifest")
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["display"], manifest["start_url"], manifest["scope"]) == ("standalone", "/", "/")
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable", "monochrome"}
    for icon in manifest["icons"]:
        picture = await browser.get(icon["src"])
        assert picture.headers["content-type"] == icon["type"] == "image/png"
        width, height = struct.unpack(">II", picture.content[16:24])
        assert f"{width}x{height}" == icon["sizes"]


async def test_the_service_worker_names_the_files_of_its_version_and_nothing_of_the_api(browser: AsyncClient) -> None:
    answer = await browser.get("/service-worker.js")
    assert answer.headers["content-type"] == MEDIA_TYPES[".js"]
    assert answer.headers["cache-control"] == "no-cache"
    first, rest = answer.text.split("\n", 1)
    assert rest == (CONSOLE_ROOT / "service_worker.js").read_text()
    release = json.loads(first.removeprefix("self.CONSOLE_RELEASE = ").removesuffix(";"))
    page = (await browser.get("/")).text
    assert f'"/console/{release["version"]}/js/main.js"' in page
    assert all(path.startswith(f"/console/{release['version']}/") for path in release["files"])
    for path in release["files"]:
        assert (await browser.get(path)).headers["cache-control"].endswith("immutable"), path
    loaded = re.findall(r'(?:href|src)="(/console/[^"]+)"', page)
    assert {path for path in loaded if not path.endswith(".png")} <= set(release["files"])


@pytest.mark.parametrize("folder", ["vendor", "fonts"])
def test_files_of_others_are_unchanged_and_have_their_licences(folder: str) -> None:
    root = CONSOLE_ROOT / folder
    table = (root / "README.md").read_text()
    digests = dict(re.findall(r"^\| `([^`]+)` .*`([0-9a-f]{64})` \|$", table, re.MULTILINE))
    files = {file.name for file in root.iterdir() if file.suffix in MEDIA_TYPES}
    assert set(digests) == files
    for name, digest in digests.items():
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() == digest, name
    licences = {file.name for file in root.iterdir() if file.name.startswith("LICENSE")}
    assert licences
    assert licences == set(re.findall(r"`(LICENSE[^`]*)`", table))


def test_no_file_of_others_loads_anything_from_elsewhere() -> None:
    for file in (CONSOLE_ROOT / "vendor").iterdir():
        if file.suffix in MEDIA_TYPES:
            loads = re.findall(r"""(?:from|import|import\(|src=|fetch\()\s*["'](https?:|//)""", file.read_text())
            assert loads == [], file.name


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
