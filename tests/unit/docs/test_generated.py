"""The generated pages are those of this code."""

from docs.generate import stale_pages


def test_every_generated_page_is_current() -> None:
    assert [path.name for path in stale_pages()] == [], "run `python -m docs.generate`"
