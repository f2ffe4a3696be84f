"""A generated population and what it says to the organization, in every form of address there is."""

import random
import sys
from dataclasses import dataclass
from typing import Any

from services.session.worker.mapping.event_mapping import InstanceIdentity, map_message
from services.session.worker.preload import preload_protobufs
from shared.contracts.commands import SendMessage
from shared.contracts.events import MessageReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.queries import NumberOwner
from shared.text.phone_variants import mobile_variant
from tests.integration.router.conftest import ME, ONE, ORG, START

preload_protobufs()
pb: Any = sys.modules["neonize.proto.Neonize_pb2"]
e2e: Any = sys.modules["waE2E.WAWebProtobufsE2E_pb2"]
PHONE, LID = "s.whatsapp.net", "lid"


@dataclass(frozen=True)
class Person:
    """`phone`: as WhatsApp has it. `typed`: as people write it, where that is another variant."""

    phone: str
    lid: str
    typed: str | None = None

    @property
    def aliases(self) -> set[str]:
        return {f"phone:{self.phone}", f"lid:{self.lid}"} | ({f"phone:{self.typed}"} if self.typed else set())


def population(dice: random.Random, size: int) -> list[Person]:
    """Numbers of many countries, neighbours that differ in one digit, LIDs that look like numbers of others, and in
    every tenth place two people of whom each has what could be the other's variant."""
    people: list[Person] = []
    for index in range(size):
        line = f"{10_000_000 + index * 7919 % 89_999_999:08d}"
        area, mobile = dice.choice(["11", "21", "47", "85"]), f"{dice.choice('6789')}{line[1:]}"
        short, long = f"55{area}{mobile}", f"55{area}9{mobile}"
        lid = people[-1].phone if index % 15 == 14 else f"9{index:013d}"
        kind = index % 10
        if kind < 3:
            people.append(Person(short, lid, typed=long))
        elif kind == 3:
            people.append(Person(long, lid, typed=short))
        elif kind == 4:
            people.append(Person(f"52155{line}", lid, typed=f"5255{line}"))
        elif kind == 5:
            people += [Person(short, lid), Person(long, f"8{index:013d}")]
        else:
            people.append(Person(f"49151{line}" if kind < 8 else f"1415{2_000_000 + index:07d}", lid))
    return people


class Registry:
    """What the network answers; sometimes nothing, as long as it is `moody`."""

    def __init__(self, people: list[Person], dice: random.Random) -> None:
        self._dice, self.moody = dice, True
        self._by_phone = {person.phone: person for person in people}

    async def whose_number(self, _organization_id: str, _instance_id: str, number: str) -> NumberOwner | None:
        if self.moody and self._dice.random() < 0.2:
            return None
        found = self._by_phone.get(number) or self._by_phone.get(mobile_variant(number) or "")
        if found is None:
            return NumberOwner()
        return NumberOwner(phone=found.phone, lid=found.lid if self._dice.random() < 0.5 else None)


def history(people: list[Person], dice: random.Random, count: int) -> list[Message]:
    """Messages of and to them. Each is named by both addresses once; the rest is as it comes, some of it twice."""
    said: list[Message] = [_written(dice, person, f"both-{index}", both=True) for index, person in enumerate(people)]
    while len(said) < count:
        number, person = len(said), dice.choice(people)
        what = dice.random()
        if what < 0.1:
            said.append(dice.choice(said))
        elif what < 0.2:
            said.append(_sent(dice, person, f"{number}"))
        elif what < 0.25:
            said.append(
                _event(_source(_jid(dice, ME.phone or "", PHONE), to=_jid(dice, ME.lid or "", LID)), f"n{number}")
            )
        else:
            said.append(_written(dice, person, f"{number}"))
    dice.shuffle(said)
    return said


def last_words(people: list[Person], dice: random.Random) -> list[Message]:
    """A last message of each under the number alone."""
    return [_event(_source(_jid(dice, person.phone, PHONE)), f"last-{i}") for i, person in enumerate(people)]


def _written(dice: random.Random, person: Person, key: str, *, both: bool = False) -> Message:
    """By the contact, or by the owner on the phone to the contact."""
    number, lid = _jid(dice, person.phone, PHONE), _jid(dice, person.lid, LID)
    first, second = dice.choice([(number, lid), (lid, number)])
    alt = second if both or dice.random() < 0.3 else pb.JID()
    if dice.random() < 0.2 and not both:
        return _event(_source(_jid(dice, ME.phone or "", PHONE), to=first, to_alt=alt), f"{key}-{person.phone}")
    return _event(_source(first, alt), f"{key}-{person.phone}")


def _source(sender: Any, alt: Any = None, to: Any = None, to_alt: Any = None) -> dict[str, Any]:
    return {
        "Sender": sender,
        "SenderAlt": alt or pb.JID(),
        "Chat": to or sender,
        "RecipientAlt": to_alt or pb.JID(),
        "IsFromMe": to is not None,
        "IsGroup": False,
    }


def _event(source: dict[str, Any], wa_id: str) -> MessageReceived:
    event = pb.Message()
    event.Info.ID, event.Info.Timestamp = wa_id, int(START.timestamp())
    event.Info.MessageSource.CopyFrom(pb.MessageSource(**source))
    event.Message.CopyFrom(e2e.Message(conversation=f"text {wa_id}"))
    ours = map_message(event, InstanceIdentity(ORG, ONE))
    assert isinstance(ours, MessageReceived)
    return ours


def _sent(dice: random.Random, person: Person, key: str) -> SendMessage:
    """By an API client, to the number as a user typed it."""
    digits = person.typed if person.typed and dice.random() < 0.7 else person.phone
    to = dice.choice(
        [digits, f"+{digits}", f"00{digits}", f"+{digits[:2]} {digits[2:4]} {digits[4:]}", f"{digits}@c.us"]
    )
    message_id = derived_id("corpus", key, person.phone)
    return SendMessage(
        id=f"do-{message_id}", at=START, organization_id=ORG, message_id=message_id, to=to, text=f"to {person.phone}"
    )


def _jid(dice: random.Random, user: str, server: str) -> Any:
    """Of the phone or of one of its linked devices."""
    return pb.JID(User=user, Server=server, RawAgent=0, Device=dice.choice([0, 0, 3, 17]), Integrator=0, IsEmpty=False)
