"""What WhatsApp's answer about the other variant of a number means."""

from datetime import UTC, datetime

from services.router.rules.contact_identity import ContactObservation
from services.router.rules.phone_variants import variant_of, with_recipient_variant, with_sender_variant
from shared.contracts.queries import NumberOwner
from shared.contracts.records import Party

LONG, SHORT, LID = "5547999887766", "554799887766", "111"


def seen(party: Party) -> ContactObservation:
    return ContactObservation("acme", party, None, "cause", datetime(2026, 1, 1, tzinfo=UTC))


def test_only_numbers_with_two_spellings_raise_a_question() -> None:
    assert variant_of(seen(Party(phone=SHORT))) == LONG
    assert variant_of(seen(Party(phone="4915112345678"))) is None
    assert variant_of(seen(Party(lid=LID))) is None


def test_the_sender_owns_the_other_spelling() -> None:
    both = with_sender_variant(seen(Party(phone=SHORT)), LONG, NumberOwner(phone=SHORT))
    assert both.aliases == [f"phone:{SHORT}", f"phone:{LONG}"]
    assert with_sender_variant(seen(Party(phone=SHORT, lid=LID)), LONG, NumberOwner(lid=LID)).same_account_phone == LONG


def test_the_other_spelling_is_somebody_elses_or_nobodys() -> None:
    for owner in (NumberOwner(phone=LONG), NumberOwner(), NumberOwner(lid="222")):
        apart = with_sender_variant(seen(Party(phone=SHORT, lid=LID)), LONG, owner)
        assert (apart.same_account_phone, apart.variant_checked) == (None, True)


def test_without_an_answer_they_stay_apart_for_now() -> None:
    assert (
        with_sender_variant(seen(Party(phone=SHORT)), LONG, None).variant_checked,
        with_recipient_variant(seen(Party(phone=LONG)), None).variant_checked,
    ) == (
        False,
        False,
    )


def test_who_is_written_to_gets_the_address_whatsapp_uses() -> None:
    meant = with_recipient_variant(seen(Party(phone=LONG)), NumberOwner(phone=SHORT, lid=LID))
    assert (meant.party, meant.same_account_phone) == (Party(phone=SHORT, lid=LID), LONG)
    same = with_recipient_variant(seen(Party(phone=LONG)), NumberOwner(phone=LONG))
    assert (same.party, same.same_account_phone) == (Party(phone=LONG), None)


def test_an_account_known_by_its_lid_keeps_the_typed_number() -> None:
    assert with_recipient_variant(seen(Party(phone=LONG)), NumberOwner(lid=LID)).party == Party(phone=LONG, lid=LID)


def test_nobody_there_is_left_to_the_send_to_say() -> None:
    assert with_recipient_variant(seen(Party(phone=LONG)), NumberOwner()).party == Party(phone=LONG)
