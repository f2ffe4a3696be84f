"""What realtime reads of the api's replies to its queries. What is only passed on to sockets is not parsed."""

from datetime import datetime

from pydantic import BaseModel

from services.realtime.payloads import Payload


class ContactsReply(BaseModel):
    """To ListContacts."""

    data: list[Payload]
    next_cursor: str | None = None


class ShownCodesReply(BaseModel):
    """To ListShownCodes: codes by instance, with the fields of QrIssued and PairingCodeIssued."""

    qr: dict[str, Payload]
    pairing: dict[str, Payload]


class QrCode(BaseModel):
    qr: str
    data_url: str
    ascii: str
    attempt: int


class CurrentQrReply(BaseModel):
    """To ReadCurrentQr."""

    data: QrCode


class SessionState(BaseModel):
    """`id`: of the instance with the name of the session. `status`: one of another version may be unknown here."""

    id: str
    status: str


class SessionReply(BaseModel):
    """To ReadSession."""

    instance: SessionState


class InstanceName(BaseModel):
    instance_name: str


class InstanceNameReply(BaseModel):
    """To ReadInstance."""

    instance: InstanceName


class ShownInstanceReply(BaseModel):
    """To ReadInstance, with all fields, for a socket."""

    instance: Payload


class ContactAddresses(BaseModel):
    phone_number: str | None = None
    lid: str | None = None


class ConversationState(BaseModel):
    """`order_key`: None in a reply of the previous version."""

    instance_id: str
    contact: ContactAddresses | None = None
    order_key: int | None = None
    updated_at: datetime | None = None


class ConversationReply(BaseModel):
    """To ReadConversation."""

    data: ConversationState


class MessagePlace(BaseModel):
    """Where a message stands. `order_key`: None in a reply of the previous version."""

    instance_id: str
    conversation_id: str | None
    order_key: int | None = None
    timestamp: datetime | None = None


class MessageReply(BaseModel):
    """To ReadMessage."""

    data: MessagePlace
