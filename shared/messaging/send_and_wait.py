"""Sends a text by its command, and waits for what becomes of it."""

from dataclasses import dataclass

from shared.contracts.commands import SendMessage
from shared.contracts.events import MessageRecorded, MessageStatusChanged
from shared.contracts.message import Event
from shared.contracts.records import MessageStatus
from shared.messaging.command_client import CommandClient


@dataclass(frozen=True)
class SendReply:
    """`status`: `queued` unless more is known in time. `message_id`: of the first attempt when the command repeats an
    earlier one. `error`: why WhatsApp did not take the text. `conversation_id`: when an event has told it in time."""

    message_id: str
    status: MessageStatus
    error: str | None = None
    conversation_id: str | None = None

    @property
    def reason(self) -> str | None:
        """The code at the beginning of `error`."""
        code, colon, _ = (self.error or "").partition(": ")
        return code if colon and code.isidentifier() else None


async def send_and_wait(
    commands: CommandClient, command: SendMessage, timeout_s: float, *, accept_timeout_s: float = 0.0
) -> SendReply:
    """Publish the command, and wait until WhatsApp has the text or the send has failed, at most `timeout_s`. When the
    router has neither accepted nor refused the text by then, wait for that until `accept_timeout_s`.

    Raises the Problem of a refusal by the router, and Problem 503 while NATS is unreachable.
    """
    progress = _Progress(command)
    # events about all messages of the organization cost processor time: only those that are needed are received
    recorded = [MessageRecorded] if timeout_s < accept_timeout_s else []
    async with commands.replies(command, MessageStatusChanged, *recorded) as replies:
        await commands.publish(command)
        event = await replies.first(progress.is_outcome, command, timeout_s)
        if event is None and not progress.accepted and timeout_s < accept_timeout_s:
            event = await replies.first(progress.is_about_message, command, accept_timeout_s - timeout_s)
    if isinstance(event, MessageStatusChanged):
        return SendReply(progress.message_id, event.status, event.error, progress.conversation_id)
    return SendReply(progress.message_id, MessageStatus.QUEUED, conversation_id=progress.conversation_id)


class _Progress:
    """What the events say about the message of a command. `accepted`: the router has recorded it. `conversation_id`:
    when one of them has told it."""

    def __init__(self, command: SendMessage) -> None:
        self._command_id = command.id
        self.message_id = command.message_id
        self.accepted = False
        self.conversation_id: str | None = None

    def is_about_message(self, event: Event) -> bool:
        message_id = event.message.id if isinstance(event, MessageRecorded) else getattr(event, "message_id", None)
        if message_id and event.cause == self._command_id:  # the router answers a repetition with the first message
            self.message_id = message_id
        concerns_it = message_id == self.message_id
        self.accepted = self.accepted or concerns_it
        if concerns_it:
            source = event.message if isinstance(event, MessageRecorded) else event
            self.conversation_id = getattr(source, "conversation_id", None) or self.conversation_id
        return concerns_it

    def is_outcome(self, event: Event) -> bool:
        about_message = self.is_about_message(event)
        return about_message and isinstance(event, MessageStatusChanged) and event.status is not MessageStatus.QUEUED
