"""The records that events carry, REST responses contain and MongoDB stores, each in one shape."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.contracts.addresses import lid_address, lid_alias, phone_alias
from shared.contracts.message_parts import Media, Referral
from shared.contracts.message_type import MessageType
from shared.contracts.opening_hours import OpeningHours, TimeZone
from shared.contracts.order_keys import OrderKey
from shared.contracts.statuses import BookingStatus as BookingStatus
from shared.contracts.statuses import ConnectionStatus as ConnectionStatus
from shared.contracts.statuses import ConversationStatus as ConversationStatus
from shared.contracts.statuses import MessageStatus as MessageStatus
from shared.contracts.statuses import Network as Network
from shared.text.bounded_text import MAX_ADDRESS, BoundedName, CutText
from shared.text.phone_numbers import AddressText
from shared.text.text_match import Keyword


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Party(Record):
    """The addresses of one person, as far as we have them: phone (E.164 digits) and user part of the LID (digits)."""

    phone: Annotated[str, Field(max_length=MAX_ADDRESS)] | None = None
    lid: Annotated[str, Field(max_length=MAX_ADDRESS)] | None = None

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if not (self.phone or self.lid):
            raise ValueError("a party needs a phone or a lid")
        return self

    @property
    def aliases(self) -> list[str]:
        """`phone:<digits>` and `lid:<digits>`, the keys a contact is found by."""
        phone = [phone_alias(self.phone)] if self.phone else []
        return phone + ([lid_alias(self.lid)] if self.lid else [])

    @property
    def addresses(self) -> list[str]:
        """Phone digits and `<lid>@lid`, as message records name this person."""
        phone = [self.phone] if self.phone else []
        return phone + ([lid_address(self.lid)] if self.lid else [])

    @property
    def address(self) -> str:
        """Phone digits, else `<lid>@lid`: the address in message records."""
        return self.addresses[0]

    @property
    def lid_first_address(self) -> str:
        """`<lid>@lid`, else phone digits: WhatsApp addresses receipts and typing by LID."""
        return self.addresses[-1]


class Contact(Record):
    """`name`: `given_name`, which a user gave, else the one from WhatsApp. `whatsapp_name`: that one, while another is
    shown in its place."""

    id: str
    organization_id: str
    phone_number: str | None = None
    lid: str | None = None
    name: BoundedName | None = None
    given_name: BoundedName | None = None
    whatsapp_name: BoundedName | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def party(self) -> Party:
        """Raises ValidationError for a contact without an address; none is stored."""
        return Party(phone=self.phone_number, lid=self.lid)


class BookingPolicy(StrEnum):
    """Which messages of contacts open a booking. Except with `every_message`, only when the contact has no open one."""

    OFF = "off"
    ONE_OPEN = "one_open"
    EVERY_MESSAGE = "every_message"
    KEYWORDS = "keywords"
    OPENING_HOURS = "opening_hours"


class OwnerMessages(StrEnum):
    """Whether messages between owners of the organization are recorded as notes, or dropped."""

    NOTE = "note"
    IGNORE = "ignore"


OwnerNumber = Annotated[AddressText, Field(json_schema_extra={"format": "phone"})]
"""E.164 digits, or `<digits>@lid`; in any usual notation, with or without a device."""


class OrganizationSettings(Record):
    """How an organization wants its messages treated. `owner_numbers`: owners beside the linked accounts.

    `bookings_without_words`: whether a text without any letter or digit, or a sticker, may open a booking. `time_zone`:
    in which times are shown; None: that of the opening hours, else UTC.
    """

    booking_policy: BookingPolicy = BookingPolicy.ONE_OPEN
    booking_keywords: tuple[Keyword, ...] = Field((), max_length=50, validate_default=True)
    opening_hours: OpeningHours | None = Field(None, validate_default=True)
    bookings_without_words: bool = False
    owner_messages: OwnerMessages = OwnerMessages.NOTE
    owner_numbers: tuple[OwnerNumber, ...] = Field((), max_length=20)
    time_zone: TimeZone | None = None

    @field_validator("booking_keywords")
    @classmethod
    def _some_keywords(cls, keywords: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("booking_policy") is BookingPolicy.KEYWORDS and not keywords:
            raise ValueError("the policy `keywords` needs at least one")
        return keywords

    @field_validator("opening_hours")
    @classmethod
    def _some_hours(cls, hours: OpeningHours | None, info: ValidationInfo) -> OpeningHours | None:
        if info.data.get("booking_policy") is BookingPolicy.OPENING_HOURS and hours is None:
            raise ValueError("the policy `opening_hours` needs them")
        return hours


class InstanceSettings(Record):
    """What an instance does with its messages; None: as the organization does."""

    booking_policy: BookingPolicy | None = None
    booking_keywords: tuple[Keyword, ...] | None = Field(None, max_length=50)
    opening_hours: OpeningHours | None = None
    bookings_without_words: bool | None = None

    def own(self) -> dict[str, Any]:
        """Those that are not the organization's."""
        return {name: value for name, value in self if value is not None}


def _in_range(moment: datetime) -> datetime:
    if not 2000 <= moment.year < 2100:
        raise ValueError("write a time between the years 2000 and 2100")
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


AwareTimestamp = Annotated[
    AwareDatetime, Field(json_schema_extra={"pattern": "^20[0-9]{2}-"}), AfterValidator(_in_range)
]
"""A time given by a client, with its zone (`2026-12-01T10:00:00+01:00`); stored in UTC, to the millisecond."""


class Booking(Record):
    """`opened_by`: id of the message record that opened it, None when a person made it. `starts_at`: when the
    booked service begins, if it was set. `source`: the channel of the booking."""

    id: str
    organization_id: str
    instance_id: str
    contact_id: str
    status: BookingStatus
    source: Literal["whatsapp"] = "whatsapp"
    opened_by: str | None = None
    text: CutText | None = None
    starts_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class MessageRecord(Record):
    """A message or note.

    `wa_id` is WhatsApp's id, null until WhatsApp accepted a message that we sent. `origin`: a contact, the account's
    own phone, or a program through Switchboard. `from_address` and `to_address`: phone digits, else `<lid>@lid`, else a
    group JID. `quoted_wa_id` and `quoted_message_id` (our id, when we have it): the message this one answers or reacts
    to. `edited_at`: `text` is the author's newest; with `edit_unreadable` this device could not read the last edit, and
    `text` is the one before. `revoked_at`: the author deleted it for everyone, or the admin of the group whose address
    is `revoked_by`. `revision`: the number of changes of its content; of two copies the greater one is newer.
    `timestamp`: for display, WhatsApp's time for received messages, ours for sent ones. `order_key`: for sorting the
    messages of a conversation; microseconds of our clock.
    """

    id: str
    organization_id: str
    instance_id: str
    wa_id: str | None = None
    kind: Literal["message", "note"] = "message"
    direction: Literal["inbound", "outbound"]
    origin: Literal["contact", "phone", "api"]
    contact_id: str | None = None
    conversation_id: str | None = None
    booking_id: str | None = None
    from_address: str
    to_address: str
    group: str | None = None
    type: MessageType = MessageType.TEXT
    text: CutText | None = None
    media: Media | None = None
    referral: Referral | None = None
    quoted_wa_id: str | None = None
    quoted_message_id: str | None = None
    edited_at: datetime | None = None
    edit_unreadable: bool = False
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    revision: int = 0
    status: MessageStatus
    error: str | None = None
    client_id: str | None = None
    timestamp: datetime
    order_key: OrderKey | None = None


class LastMessage(Record):
    """The message of a conversation with the greatest order key; `text`: its first 200 characters, null when its author
    deleted it."""

    id: str
    text: str | None = None
    type: MessageType = MessageType.TEXT
    direction: Literal["inbound", "outbound"]
    timestamp: datetime
    revoked_at: datetime | None = None
    revision: int = 0
    order_key: OrderKey | None = None


class ConversationRecord(Record):
    """The messages between one instance and one contact.

    `unread_count`: the contact's messages after the last read mark and the last message of ours, at most 1,000.
    `assigned_to`: user id of the assignee. A message of the contact reopens a closed conversation. `order_key`: of the
    last message, for sorting conversations; `updated_at`: the same as a time.
    """

    id: str
    organization_id: str
    instance_id: str
    contact_id: str
    last_message: LastMessage | None = None
    unread_count: int = 0
    assigned_to: str | None = None
    status: ConversationStatus = ConversationStatus.OPEN
    updated_at: datetime
    order_key: OrderKey | None = None


class Seen(Record):
    """The messages a user has seen: all up to this order key. Commands of an earlier version have `at` instead, a time,
    and the `ids` of the messages with exactly that time."""

    order_key: OrderKey | None = None
    at: datetime | None = None
    ids: tuple[str, ...] = Field((), max_length=1000)
