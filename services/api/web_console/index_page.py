"""The page at `/`, made of index.html: versioned paths, the modules to load early, and its security policy. Pure."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass

from services.api.web_console.module_graph import CONSOLE_URL, Sources, static_graph

ENTRY_MODULE = "js/main.js"
GALLERY_MODULE = "js/gallery/Gallery.js"
GALLERY_STYLES = "css/gallery.css"
EARLY_MODULE = "js/preload_modules_after_login.js"
"""Begins to load the modules that are needed after the login."""
ENTRIES_AFTER_LOGIN = ("js/shell/Shell.js", "js/pages/inbox/InboxPage.js")
"""What the console loads with `import()` after the login: the frame around the pages, and the page where one lands."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "media-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class IndexPage:
    """`modules`: what the browser loads at once, `modules_after_login`: what it needs in addition after the login, each
    module after those that it imports."""

    content: str
    policy: str
    modules: list[str]
    modules_after_login: list[str]


def render_index_page(template: str, version: str, sources: Sources) -> IndexPage:
    """The browser gets all names of modules with the page, so it need not read one to find the next."""
    import_map = json.loads(_import_map_text(template))["imports"]
    modules = static_graph(sources, import_map, (EARLY_MODULE, ENTRY_MODULE))
    after_login = static_graph(sources, import_map, ENTRIES_AFTER_LOGIN, without=modules)
    preloads = "".join(f'<link rel="modulepreload" href="{CONSOLE_URL}{path}">\n' for path in modules)
    listed = json.dumps([f"{CONSOLE_URL}{path}" for path in after_login])
    early = f'<script type="module" async src="{CONSOLE_URL}{EARLY_MODULE}"></script>\n'
    # behind the import map: one that follows a module is ignored by some browsers
    head = f'{preloads}<script type="application/json" id="modules-after-login">{listed}</script>\n{early}</head>'
    content = template.replace("</head>", head, 1).replace(f'"{CONSOLE_URL}', f'"{CONSOLE_URL}{version}/')
    return IndexPage(content, _policy(content), modules, after_login)


def render_gallery_page(template: str, version: str) -> tuple[str, str]:
    """The page that shows every component, made of the same template. → content, security policy"""
    styles = f'<link rel="stylesheet" href="{CONSOLE_URL}{GALLERY_STYLES}">\n</head>'
    page = template.replace("</head>", styles, 1).replace(CONSOLE_URL + ENTRY_MODULE, CONSOLE_URL + GALLERY_MODULE)
    content = page.replace(f'"{CONSOLE_URL}', f'"{CONSOLE_URL}{version}/')
    return content, _policy(content)


def _import_map_text(content: str) -> str:
    [text] = _IMPORT_MAP.findall(content)
    return str(text)


def _policy(content: str) -> str:
    """The only script inside the page that runs is the import map, which is allowed by its hash."""
    digest = base64.b64encode(hashlib.sha256(_import_map_text(content).encode()).digest()).decode()
    return CONTENT_SECURITY_POLICY.replace("script-src 'self'", f"script-src 'self' 'sha256-{digest}'")
