"""Statuses of a message are published in the order in which they are stored.

Without these locks `delivered` of a receipt that arrives together with the acknowledgement of its message could be
published before `sent`, and clients would keep `sent`. They order what one process does; a message that is delivered
again publishes the status that is stored by then. The locks of commands to send are here as well: they, and those of
WhatsApp ids, are taken before those of statuses, those of one kind in their order, so nothing waits for ever.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from services.router.context import RouterContext


def locked_receipts(
    organization_id: str, wa_ids: Iterable[str], context: RouterContext
) -> AbstractAsyncContextManager[None]:
    """While the block runs, no other handler of this process handles the acceptance or a receipt of a message with one
    of these WhatsApp ids."""
    return _locked([f"receipts {organization_id} {wa_id}" for wa_id in wa_ids], context)


def locked_status(message_ids: Iterable[str], context: RouterContext) -> AbstractAsyncContextManager[None]:
    """While the block runs, no other handler of this process publishes a status of one of these messages."""
    return _locked([f"status {message_id}" for message_id in message_ids], context)


def locked_send(message_id: str, context: RouterContext) -> AbstractAsyncContextManager[None]:
    """While the block runs, this process handles no other command with this message id. Such a repetition could be
    refused, because the account has lost its connection, while the first command is still being accepted."""
    return _locked([f"send {message_id}"], context)


@asynccontextmanager
async def _locked(keys: Iterable[str], context: RouterContext) -> AsyncIterator[None]:
    async with AsyncExitStack() as locks:
        for key in sorted(set(keys)):
            await locks.enter_async_context(context.status_locks.of(key))
        yield
