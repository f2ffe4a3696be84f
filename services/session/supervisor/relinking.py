"""Another phone than expected links an instance: follow it or refuse it. Pure."""

from typing import Literal

from shared.text.phone_variants import mobile_variant

OtherNumber = Literal["follow", "refuse_relinked", "refuse"]
Verdict = Literal["same", "follow", "refuse"]


def is_same_line(one: str, other: str) -> bool:
    """The same line, also when one is written the way the country wrote it before."""
    return one == other or mobile_variant(one) == other


def verdict(scanned: str, linked: str | None, configured: str | None, policy: OtherNumber) -> Verdict:
    """`linked`: the number that was linked before; `configured`: the one people wrote down for the instance.

    A number people wrote down after the instance was linked to another one says that the change is wanted.
    """
    if configured and is_same_line(scanned, configured):
        return "same" if not linked or is_same_line(scanned, linked) else "follow"
    expected = [number for number in (linked, configured) if number]
    if not expected or (linked and is_same_line(scanned, linked)):
        return "same"
    refused = policy == "refuse" or (policy == "refuse_relinked" and linked is not None)
    return "refuse" if refused else "follow"
