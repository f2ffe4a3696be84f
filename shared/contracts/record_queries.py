"""Queries for contacts, conversations, messages and bookings, of the router (see shared/contracts/queries.py)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.contracts.message import Query
from shared.contracts.records import BookingStatus, ConversationStatus
from shared.text.phone_numbers import AddressText

AnyId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Address = AddressText
"""A phone number in any usual spelling, or `<digits>@lid`."""
MAX_SEARCH = 100
"""Characters."""
MAX_CONTACT_IDS = 200
SearchText = Annotated[str, StringConstraints(max_length=MAX_SEARCH)]
"""Words; each must be part of a word of the searched fields. Case, accents and width are ignored."""


class PagedQuery(Query):
    """A list in pages: `next_cursor` of the reply is the `cursor` of the next query."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=300)] | None = None


class ListContacts(PagedQuery):
    """Contacts, newest first, or by name. `search`: words, each a part of a word of the name or of the number."""

    subject: ClassVar[str] = "wa.query.contact.list"
    search: SearchText | None = None
    sort: Literal["created_at", "name"] = "created_at"


class ReadContact(Query):
    """One contact."""

    subject: ClassVar[str] = "wa.query.contact.read"
    contact_id: AnyId


class ListConversations(PagedQuery):
    """Conversations, those with the newest message first, of `instance_id` or, when that is `-`, of all. `assigned_to`:
    a user id.
    `search`: parts of words of the contact's name, or of the number. `contact_id`: only with these contacts."""

    subject: ClassVar[str] = "wa.query.conversation.list"
    status: ConversationStatus | None = None
    assigned_to: Annotated[str, StringConstraints(max_length=64)] | None = None
    unread: bool | None = None
    search: SearchText | None = None
    contact_id: Annotated[tuple[AnyId, ...], Field(max_length=MAX_CONTACT_IDS)] = ()


class CountConversations(Query):
    """How many conversations are open, unread, assigned to `assigned_to` (`mine`, 0 without it) and closed; of
    `instance_id` or, when that is `-`, of all."""

    subject: ClassVar[str] = "wa.query.conversation.counts"
    assigned_to: Annotated[str, StringConstraints(max_length=64)] | None = None


class ReadConversation(Query):
    """One conversation."""

    subject: ClassVar[str] = "wa.query.conversation.read"
    conversation_id: AnyId


class ListConversationMessages(PagedQuery):
    """Messages and notes of one conversation, newest first. `around`: the id of a message, to be in the middle of
    the page. `newer_cursor` of the reply is the `cursor` of the page of newer messages."""

    subject: ClassVar[str] = "wa.query.conversation.messages"
    conversation_id: AnyId
    around: AnyId | None = None


class ListMessages(PagedQuery):
    """Messages of all conversations or one, newest first. `kind` `note`: notes to oneself. `search`: parts
    of words, case and accents ignored, in the first 4,000 characters of the text."""

    subject: ClassVar[str] = "wa.query.message.list"
    kind: Literal["message", "note"] | None = None
    search: SearchText | None = None
    stuck: bool | None = None
    conversation_id: AnyId | None = None


class MessagesBetween(Query):
    """The messages between an account and a contact, given by two addresses in any order; for the chat front end.

    The newest `limit` messages before `offset`, counted from the newest, oldest first; `nextOffset` is the offset of
    the next page.
    """

    subject: ClassVar[str] = "wa.query.message.between"
    one: Address
    other: Address
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class ReadMessage(Query):
    """One message with the history of its status, by our id or by WhatsApp's."""

    subject: ClassVar[str] = "wa.query.message.read"
    message_id: AnyId


class ListBookings(PagedQuery):
    """Bookings with their contacts, newest first, of one status or all. `search`: parts of words of the
    contact's name, of the number or of the booking's text."""

    subject: ClassVar[str] = "wa.query.booking.list"
    status: BookingStatus | None = None
    search: SearchText | None = None


class CountBookings(Query):
    """How many bookings have each status."""

    subject: ClassVar[str] = "wa.query.booking.counts"


class ReadBooking(Query):
    """One booking with its history."""

    subject: ClassVar[str] = "wa.query.booking.read"
    booking_id: AnyId
