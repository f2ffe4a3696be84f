"""Whose phone may link an instance."""

import pytest

from services.session.supervisor.relinking import OtherNumber, Verdict, verdict

A, B, C = "4915112345678", "4915198765432", "4917012345678"


@pytest.mark.parametrize(
    ("linked", "configured", "follow", "refuse_relinked", "refuse"),
    [
        (None, None, "same", "same", "same"),
        (A, None, "same", "same", "same"),
        (None, A, "same", "same", "same"),
        (A, A, "same", "same", "same"),
        (A, B, "same", "same", "same"),  # it goes on with the phone it had
        (B, A, "follow", "follow", "follow"),  # the new number was configured
        (None, B, "follow", "follow", "refuse"),
        (B, None, "follow", "refuse", "refuse"),
        (B, B, "follow", "refuse", "refuse"),
        (B, C, "follow", "refuse", "refuse"),
    ],
)
def test_a_scan_by_a(
    linked: str | None, configured: str | None, follow: Verdict, refuse_relinked: Verdict, refuse: Verdict
) -> None:
    policies: dict[OtherNumber, Verdict] = {
        "follow": follow,
        "refuse_relinked": refuse_relinked,
        "refuse": refuse,
    }
    assert {policy: verdict(A, linked, configured, policy) for policy in policies} == policies


@pytest.mark.parametrize(
    ("old", "new"),
    [("5511987654321", "551187654321"), ("5215512345678", "525512345678"), ("5491123456789", "541123456789")],
)
def test_two_spellings_of_one_line_are_the_same_phone(old: str, new: str) -> None:
    assert verdict(new, old, None, "refuse") == "same"
    assert verdict(old, new, old, "refuse") == "same"
