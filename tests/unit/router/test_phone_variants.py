"""What WhatsApp's answer about the other spelling of a number means."""

from datetime import UTC, datetime

from services.router.rules.contact_identity import Sighting
from services.router.rules.phone_variants import addressed, other_of, told
from shared.contracts.queries import NumberOwner
from shared.contracts.records import Party

LONG, SHORT, LID = "5547999887766", "554799887766", "111"


def seen(party: Party) -> Sighting:
    return Sighting("acme", party, None, "cause", datetime(2026, 1, 1, tzinfo=UTC))


def test_only_numbers_with_two_spellings_raise_a_question() -> None:
    assert other_of(seen(Party(phone=SHORT))) == LONG
    assert other_of(seen(Party(phone="4915112345678"))) is None
    assert other_of(seen(Party(lid=LID))) is None


def test_the_sender_owns_the_other_spelling() -> None:
    both = told(seen(Party(phone=SHORT)), LONG, NumberOwner(phone=SHORT))
    assert both.aliases == [f"phone:{SHORT}", f"phone:{LONG}"]
    assert told(seen(Party(phone=SHORT, lid=LID)), LONG, NumberOwner(lid=LID)).also == LONG


def test_the_other_spelling_is_somebody_elses_or_nobodys() -> None:
    for owner in (NumberOwner(phone=LONG), NumberOwner(), NumberOwner(lid="222")):
        apart = told(seen(Party(phone=SHORT, lid=LID)), LONG, owner)
        assert (apart.also, apart.answered) == (None, True)


def test_without_an_answer_they_stay_apart_for_now() -> None:
    assert (told(seen(Party(phone=SHORT)), LONG, None).answered, addressed(seen(Party(phone=LONG)), None).answered) == (
        False,
        False,
    )


def test_who_is_written_to_gets_the_address_whatsapp_uses() -> None:
    meant = addressed(seen(Party(phone=LONG)), NumberOwner(phone=SHORT, lid=LID))
    assert (meant.party, meant.also) == (Party(phone=SHORT, lid=LID), LONG)
    same = addressed(seen(Party(phone=LONG)), NumberOwner(phone=LONG))
    assert (same.party, same.also) == (Party(phone=LONG), None)


def test_an_account_known_by_its_lid_keeps_the_typed_number() -> None:
    assert addressed(seen(Party(phone=LONG)), NumberOwner(lid=LID)).party == Party(phone=LONG, lid=LID)


def test_nobody_there_is_left_to_the_send_to_say() -> None:
    assert addressed(seen(Party(phone=LONG)), NumberOwner()).party == Party(phone=LONG)
