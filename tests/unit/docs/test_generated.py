"""The generated pages are those of this code."""

from docs.generate import pages


def test_every_generated_page_is_current() -> None:
    stale = [path.name for path, text in pages().items() if not path.is_file() or path.read_text() != text]
    assert stale == [], "run `python -m docs.generate`"
