"""A phone with another number than expected links an instance: accept the new number, or refuse it. Pure."""

from typing import Literal

from shared.text.phone_variants import mobile_variant

OtherNumber = Literal["follow", "refuse_relinked", "refuse"]
Verdict = Literal["same", "follow", "refuse"]


def is_same_line(one: str, other: str) -> bool:
    """The same phone line, also when one number is in the form the country used before."""
    return one == other or mobile_variant(one) == other


def verdict(scanned: str, linked: str | None, configured: str | None, policy: OtherNumber) -> Verdict:
    """`scanned`: the number of the phone; `linked`: the number that was linked before; `configured`: the number that
    people entered for the instance.

    A scanned number that equals the configured one is never refused: who enters another number wants the change.
    """
    if configured and is_same_line(scanned, configured):
        return "same" if not linked or is_same_line(scanned, linked) else "follow"
    expected = [number for number in (linked, configured) if number]
    if not expected or (linked and is_same_line(scanned, linked)):
        return "same"
    refused = policy == "refuse" or (policy == "refuse_relinked" and linked is not None)
    return "refuse" if refused else "follow"
