"""What kind of message a message is."""

from enum import StrEnum
from typing import Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class MessageType(StrEnum):
    """A value that is none of these is kept as it is: a later version, or WhatsApp's library, named it.

    `edit` and `revoke` change the message that they name. Without content: `undecryptable` (a readable copy may
    follow), `unavailable` (WhatsApp does not send it to linked devices) and `unsupported` (this version of the library
    knows none of its fields); the phone can show the last two.
    """

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"
    STICKER = "sticker"
    STICKER_PACK = "sticker_pack"
    MUSIC = "music"
    LOCATION = "location"
    CONTACT = "contact"
    REACTION = "reaction"
    EDIT = "edit"
    REVOKE = "revoke"
    POLL = "poll"
    POLL_UPDATE = "poll_update"
    POLL_RESULT = "poll_result"
    EVENT = "event"
    EVENT_INVITE = "event_invite"
    SCHEDULED_CALL = "scheduled_call"
    MISSED_CALL = "missed_call"
    GROUP_INVITE = "group_invite"
    NEWSLETTER_INVITE = "newsletter_invite"
    TEMPLATE = "template"
    BUTTONS = "buttons"
    BUTTON_REPLY = "button_reply"
    LIST = "list"
    LIST_REPLY = "list_reply"
    INTERACTIVE = "interactive"
    INTERACTIVE_RESPONSE = "interactive_response"
    RICH_RESPONSE = "rich_response"
    PRODUCT = "product"
    ORDER = "order"
    INVOICE = "invoice"
    REQUEST_PAYMENT = "request_payment"
    SEND_PAYMENT = "send_payment"
    SPLIT_PAYMENT = "split_payment"
    PAYMENT_REMINDER = "payment_reminder"
    PAYMENT_INVITE = "payment_invite"
    REQUEST_PHONE_NUMBER = "request_phone_number"
    UNDECRYPTABLE = "undecryptable"
    UNAVAILABLE = "unavailable"
    UNSUPPORTED = "unsupported"

    @classmethod
    def _missing_(cls, value: object) -> "MessageType | None":
        """A member for an unknown type, equal to every other one with this value. It is not kept: a stranger may send
        any number of types."""
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Self], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Serialised as the string that it is, which is faster than the value of an enum."""
        return {**handler(source), "serialization": core_schema.simple_ser_schema("str")}

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """An open list: generated clients must not refuse an unknown type."""
        known = ", ".join(f"`{member}`" for member in cls)
        return {
            "type": "string",
            "title": cls.__name__,
            "description": f"One of {known}, or a type that a later version added.",
        }
