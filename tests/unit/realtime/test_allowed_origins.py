"""Which pages may open sockets."""

from typing import Any

import pytest

from services.realtime.allowed_origins import allowed_origins

HERE: dict[str, Any] = {"wsgi.url_scheme": "http", "HTTP_HOST": "chat.example.org"}
BEHIND = HERE | {
    "HTTP_HOST": "10.0.0.5:3002",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "chat.example.org",
}


@pytest.mark.parametrize(
    ("origin", "environ", "allowed"),
    [
        ("https://shop.example.com", HERE, True),
        ("https://SHOP.example.com", HERE, True),
        ("http://chat.example.org", HERE, True),
        ("https://chat.example.org", BEHIND, True),
        ("https://chat.example.org", HERE, False),
        ("https://evil.example", BEHIND, False),
        ("https://shop.example.com.evil.example", HERE, False),
        ("null", HERE, False),
        ("", {}, False),
        (None, HERE, False),
    ],
)
def test_the_own_origin_and_the_named_ones(origin: str | None, environ: dict[str, Any], allowed: bool) -> None:
    check = allowed_origins(["https://shop.example.com/"])
    assert check is not None
    assert check(origin, environ) is allowed


def test_without_names_the_library_allows_the_own_one() -> None:
    assert allowed_origins([]) is None


def test_a_star_allows_all() -> None:
    check = allowed_origins(["*"])
    assert check is not None
    assert check("https://anywhere.example", HERE)
