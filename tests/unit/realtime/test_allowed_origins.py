"""Which web pages may open sockets."""

from typing import Any

import pytest

from services.realtime.allowed_origins import allowed_origins

OWN_HOST: dict[str, Any] = {"wsgi.url_scheme": "http", "HTTP_HOST": "chat.example.org"}
BEHIND_PROXY = OWN_HOST | {
    "HTTP_HOST": "10.0.0.5:3002",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "chat.example.org",
}


@pytest.mark.parametrize(
    ("origin", "environ", "allowed"),
    [
        ("https://shop.example.com", OWN_HOST, True),
        ("https://SHOP.example.com", OWN_HOST, True),
        ("http://chat.example.org", OWN_HOST, True),
        ("https://chat.example.org", BEHIND_PROXY, True),
        ("https://chat.example.org", OWN_HOST, False),
        ("https://evil.example", BEHIND_PROXY, False),
        ("https://shop.example.com.evil.example", OWN_HOST, False),
        ("null", OWN_HOST, False),
        ("", {}, False),
        (None, OWN_HOST, False),
    ],
)
def test_own_and_configured_origins_are_allowed(origin: str | None, environ: dict[str, Any], allowed: bool) -> None:
    check = allowed_origins(["https://shop.example.com/"])
    assert check is not None
    assert check(origin, environ) is allowed


def test_without_configured_origins_the_library_decides() -> None:
    assert allowed_origins([]) is None


def test_a_star_allows_every_origin() -> None:
    check = allowed_origins(["*"])
    assert check is not None
    assert check("https://anywhere.example", OWN_HOST)
