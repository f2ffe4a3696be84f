"""What a browser receives until the login page is shown: all files that the page names, compressed as they are sent."""

import re

from services.api.web_console.console_files import CONSOLE_ROOT, ConsoleFiles


def login_page_sizes() -> dict[str, int]:
    """Bytes by path; without icons, which a browser chooses one of."""
    console = ConsoleFiles(CONSOLE_ROOT).current()
    page_file, page = console.index_page
    named = re.findall(rf'(?:href|src)="/console/{console.name}/([^"]+)"', page.content)
    sizes = {path: console.file(path).sent_bytes for path in sorted(set(named)) if not path.endswith(".png")}
    return sizes | {"/": page_file.sent_bytes, "manifest.webmanifest": console.file("manifest.webmanifest").sent_bytes}
