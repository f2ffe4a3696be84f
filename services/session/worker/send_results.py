"""The results of sends. Pure. A send is `failed` only when the message cannot have gone out, else `unconfirmed`."""

import re

from services.session.ipc.messages import Send, SendResult
from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from services.session.worker.library.whatsapp_port import AcceptedMessage

_SERVER_ERROR = re.compile(r"server returned error (\d+)")
WHATSAPP_REFUSALS = {
    "463": (
        NEW_CHATS_RESTRICTED,
        "WhatsApp restricts this account for a while from writing to people who never wrote to it (error 463); those "
        "who wrote first can be answered; send this again later",
    ),
    "429": ("too_many_messages", "WhatsApp takes no more messages of this account for now (error 429); send it later"),
}
"""By WhatsApp's error number: our error code and what the user can do."""


def accepted(send: Send, message: AcceptedMessage) -> SendResult:
    return SendResult(
        instance_id=send.instance_id,
        call_id=send.call_id,
        outcome="accepted",
        wa_id=message.wa_id,
        timestamp=message.timestamp,
    )


def failed(send: Send, code: str, detail: str) -> SendResult:
    return SendResult(
        instance_id=send.instance_id, call_id=send.call_id, outcome="failed", code=code, detail=detail[:500]
    )


def expired(send: Send) -> SendResult:
    return failed(send, "too_late", "the text waited longer than its sender allowed and was not sent; send it again")


def unconfirmed(send: Send, detail: str) -> SendResult:
    return SendResult(
        instance_id=send.instance_id,
        call_id=send.call_id,
        outcome="unconfirmed",
        code="timeout",
        detail=detail[:500],
    )


def result_of_error(send: Send, error: str) -> SendResult:
    """By the text of the library's error: an error before anything was sent is a failure, a missing reply is not."""
    lower = error.lower()
    if number := _SERVER_ERROR.search(lower):
        return failed(send, *WHATSAPP_REFUSALS.get(number[1], ("refused_by_whatsapp", error)))
    if "no lid found" in lower or "not on whatsapp" in lower:
        return failed(send, "not_on_whatsapp", error)
    if "usync" in lower or "failed to get device list" in lower or "failed to fetch prekeys" in lower:
        return failed(send, "timeout" if "timed out" in lower else "not_connected", error)
    if "not connected" in lower or "not logged in" in lower:
        return failed(send, "not_connected", error)
    if "timed out" in lower or "disconnected" in lower or "closed" in lower or "context" in lower:
        return unconfirmed(send, error)
    return failed(send, "library_error", error)
