"""Request and response bodies of the chat front end, in camelCase; messages as in the socket event `new_message`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.api.compat.camel_case import CamelCaseModel
from services.api.compat.instance_selection import DialectBody
from services.api.request_fields import Id, Recipient, Text
from services.api.responses import Ok, Secret
from services.api.routes.sends import Expiry, SendResponse, Wait
from shared.contracts.commands import SEND_EXPIRY
from shared.contracts.message_parts import Media
from shared.contracts.message_type import MessageType
from shared.contracts.records import ConnectionStatus, Contact, MessageRecord, MessageStatus
from shared.text.phone_numbers import MAX_ADDRESS_INPUT


class ChatContact(CamelCaseModel):
    """`phoneNumber`: digits; null when WhatsApp hides it, then `lid` is known."""

    id: str
    organization_id: str
    phone_number: str | None
    lid: str | None
    name: str | None
    created_at: datetime
    updated_at: datetime


class ChatMessage(CamelCaseModel):
    """`from` and `to`: digits, or `<digits>@lid`. `waId`: WhatsApp's own id."""

    id: str
    content: str | None
    is_outgoing: bool
    from_address: str = Field(alias="from")
    to_address: str = Field(alias="to")
    conversation_id: str | None
    contact_id: str | None
    instance_id: str
    timestamp: datetime
    order_key: int | None
    status: MessageStatus
    type: MessageType
    media: Media | None
    wa_id: str | None
    client_id: str | None


class ChatMessages(Ok, CamelCaseModel):
    """Oldest first. `nextOffset`: of the messages before these, null when there are none."""

    data: list[ChatMessage]
    next_offset: int | None


class ChatQr(CamelCaseModel):
    """`qrCode`: PNG data URL; `qr`: raw text; both null when the account is connected."""

    qr_code: Secret | None
    qr: Secret | None
    status: ConnectionStatus
    instance_id: str
    expires_at: datetime | None


class MessagesBetweenParameters(BaseModel):
    """The numbers of the account and the contact, in any order; `offset` counts from the newest message."""

    from_: Recipient = Field(alias="from")
    to: Recipient
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=1_000_000)


class ChatSendBody(DialectBody):
    """`to` or `conversationId` is required. A repeated `clientId` is the same message, sent once."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"type": "string", "minLength": 1, "maxLength": max_length}}}
                for name, max_length in (("to", MAX_ADDRESS_INPUT), ("conversationId", 64))
            ]
        }
    )
    to: Recipient | None = None
    message: Text
    conversation_id: Id | None = None
    instance_id: Id | None = None
    client_id: str | None = Field(None, min_length=1, max_length=128)
    wait: Wait = 10.0
    expires_in: Expiry = SEND_EXPIRY.total_seconds()


class ChatSendResult(SendResponse, CamelCaseModel):
    """The same fields as the socket event `message_sent_success`."""

    client_id: str | None = None


def chat_contact(contact: Contact) -> ChatContact:
    return ChatContact.model_validate(contact.model_dump())


def chat_message(message: MessageRecord) -> ChatMessage:
    derived = {"content": message.text, "is_outgoing": message.direction == "outbound"}
    return ChatMessage.model_validate(message.model_dump() | derived)
