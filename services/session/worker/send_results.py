"""What became of a send → SendResult. Pure. The rule: `failed` only when the message cannot have gone out."""

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
"""By the number WhatsApp refuses a message with: code, and what to do."""


def accepted(send: Send, answer: AcceptedMessage) -> SendResult:
    return SendResult(
        instance_id=send.instance_id,
        call_id=send.call_id,
        outcome="accepted",
        wa_id=answer.wa_id,
        timestamp=answer.timestamp,
    )


def failed(send: Send, code: str, detail: str) -> SendResult:
    return SendResult(
        instance_id=send.instance_id, call_id=send.call_id, outcome="failed", code=code, detail=detail[:500]
    )


def too_late(send: Send) -> SendResult:
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
    """By the words of the library. What it says before it wrote anything is a failure, a missing answer is not."""
    words = error.lower()
    if number := _SERVER_ERROR.search(words):
        return failed(send, *WHATSAPP_REFUSALS.get(number[1], ("refused_by_whatsapp", error)))
    if "no lid found" in words or "not on whatsapp" in words:
        return failed(send, "not_on_whatsapp", error)
    if "usync" in words or "failed to get device list" in words or "failed to fetch prekeys" in words:
        return failed(send, "timeout" if "timed out" in words else "not_connected", error)
    if "not connected" in words or "not logged in" in words:
        return failed(send, "not_connected", error)
    if "timed out" in words or "disconnected" in words or "closed" in words or "context" in words:
        return unconfirmed(send, error)
    return failed(send, "library_error", error)
