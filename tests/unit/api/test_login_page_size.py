"""What a phone receives until the login page is shown: all files that the page names, compressed as they are sent."""

import re

from services.api.web_console.console_files import CONSOLE_ROOT, ConsoleFiles
from services.api.web_console.index_page import EARLY_MODULE, ENTRIES_AFTER_LOGIN, ENTRY_MODULE

MAX_LOGIN_PAGE_BYTES = 80_000


def test_the_login_page_is_small() -> None:
    console = ConsoleFiles(CONSOLE_ROOT).current()
    page_file, page = console.index_page
    named = re.findall(rf'(?:href|src)="/console/{console.name}/([^"]+)"', page.content)
    assert {ENTRY_MODULE, EARLY_MODULE} <= set(named)
    sizes = {path: console.file(path).sent_bytes for path in sorted(set(named)) if not path.endswith(".png")}
    sizes |= {"/": page_file.sent_bytes, "manifest.webmanifest": console.file("manifest.webmanifest").sent_bytes}
    total = sum(sizes.values())
    table = "\n".join(f"{size:7,}  {path}" for path, size in sorted(sizes.items(), key=lambda item: -item[1]))
    print(f"{table}\n{total:7,}  bytes in {len(sizes)} files")  # noqa: T201
    assert total <= MAX_LOGIN_PAGE_BYTES, table


def test_what_is_needed_after_the_login_is_no_part_of_the_login_page() -> None:
    console = ConsoleFiles(CONSOLE_ROOT).current()
    page = console.index_page[1]
    for path in ENTRIES_AFTER_LOGIN:
        assert path in page.modules_after_login, f"index_page.py names {path}, which is not there"
    assert not set(page.modules) & set(page.modules_after_login)
    after_login = sum(console.file(path).sent_bytes for path in page.modules_after_login)
    print(f"{after_login:,} bytes in {len(page.modules_after_login)} modules after the login")  # noqa: T201
