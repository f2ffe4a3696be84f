"""The subjects to which a reply may be published: inboxes only.

The requester chooses the reply subject, and a responder may publish to more subjects than the requester.
"""

import logging
import re

from shared.messaging.client import NatsMessage

_INBOX = re.compile(r"_INBOX[A-Za-z0-9_-]*(\.[A-Za-z0-9]+)+")
"""Client libraries make tokens of letters and digits; the delivery subject of a durable consumer has hyphens."""

log = logging.getLogger(__name__)


def is_inbox(subject: str) -> bool:
    """Whether a subject is the inbox of a client, on which nothing else is subscribed."""
    return _INBOX.fullmatch(subject) is not None


def may_reply(message: NatsMessage) -> bool:
    """Whether the message has a reply subject and it is an inbox."""
    if message.reply and not is_inbox(message.reply):
        log.warning("%s: no reply, the reply subject %.100r is not an inbox", message.subject, message.reply)
    return is_inbox(message.reply)
