"""The queries of NATS, and the function of the REST route that answers each."""

from dataclasses import replace
from typing import Any

from services.api.compat import chat, named_sessions, single_account
from services.api.compat.chat_schemas import MessagesBetweenParameters
from services.api.nats.query_handlers import QueryHandler
from services.api.routes import (
    admin,
    api_keys,
    audit,
    bookings,
    contacts_and_messages,
    conversations,
    instances,
    organization,
    users,
)
from services.api.views.booking_list import BookingFilter
from services.api.views.conversation_list import ConversationFilter
from services.api.views.message_search import MessageFilter
from services.api.views.pagination import PageRequest
from shared.contracts import queries
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.message import Query
from shared.contracts.principal import Principal


def _caller(query: Query) -> Principal:
    """All scopes: NATS permissions already restrict what a service may query."""
    return Principal(organization_id=query.organization_id, subject="bus")


def _page(query: queries.PagedQuery) -> PageRequest:
    return PageRequest(query.limit, query.cursor)


def _instance(query: Query) -> str | None:
    return None if query.instance_id == NO_INSTANCE else query.instance_id


def _filter(query: queries.ListConversations) -> ConversationFilter:
    filters = ConversationFilter(query.status, query.assigned_to, query.unread, query.search)
    return replace(filters, contact_ids=query.contact_id)


def _messages(query: queries.ListMessages) -> MessageFilter:
    return MessageFilter(query.kind, query.search, query.stuck, query.conversation_id)


def _numbers(query: queries.MessagesBetween) -> MessagesBetweenParameters:
    return MessagesBetweenParameters.model_validate(query.model_dump() | {"from": query.one, "to": query.other})


QUERY_HANDLERS: tuple[QueryHandler[Any], ...] = (
    QueryHandler(
        queries.ReadOrganization,
        organization.organization,
        lambda c, q: organization.organization(c, _caller(q)),
    ),
    QueryHandler(queries.ListUsers, users.list_users, lambda c, q: users.list_users(c, _caller(q))),
    QueryHandler(queries.ReadUser, users.read_user, lambda c, q: users.read_user(c, _caller(q), q.user_id)),
    QueryHandler(
        queries.ListAudit,
        audit.list_audit,
        lambda c, q: audit.list_audit(c, _caller(q), _page(q), q.actor, q.action),
    ),
    QueryHandler(
        queries.ListInvitations,
        users.list_invitations,
        lambda c, q: users.list_invitations(c, _caller(q)),
    ),
    QueryHandler(queries.ListApiKeys, api_keys.list_keys, lambda c, q: api_keys.list_keys(c, _caller(q))),
    QueryHandler(
        queries.ListInstances,
        instances.list_instances,
        lambda c, q: instances.list_instances(c, _caller(q), _page(q)),
    ),
    QueryHandler(
        queries.ReadInstance,
        instances.read_instance,
        lambda c, q: instances.read_instance(c, _caller(q), q.instance_id),
    ),
    QueryHandler(
        queries.ReadInstanceStatus,
        instances.read_status,
        lambda c, q: instances.read_status(c, _caller(q), q.instance_id),
    ),
    QueryHandler(
        queries.ReadCurrentQr,
        instances.read_qr,
        lambda c, q: instances.read_qr(c, _caller(q), q.instance_id),
    ),
    QueryHandler(
        queries.ReadCurrentPairingCode,
        instances.read_pairing_code,
        lambda c, q: instances.read_pairing_code(c, _caller(q), q.instance_id),
    ),
    QueryHandler(queries.ListShownCodes, instances.shown_codes, lambda c, q: instances.shown_codes(c, _caller(q))),
    QueryHandler(
        queries.ReadSession,
        named_sessions.read_session,
        lambda c, q: named_sessions.read_session(c, _caller(q), q.name),
    ),
    QueryHandler(
        queries.RequestQr,
        chat.qr,
        lambda c, q: chat.qr(c, _caller(q), q.force_new, _instance(q), q.network),
        is_slow=True,
    ),
    QueryHandler(
        queries.ReadDefaultInstance,
        single_account.status,
        lambda c, q: single_account.default_account_status(c, _caller(q)),
    ),
    QueryHandler(
        queries.ListContacts,
        contacts_and_messages.list_contacts,
        lambda c, q: contacts_and_messages.list_contacts(c, _caller(q), _page(q), q.search, q.sort),
    ),
    QueryHandler(
        queries.ReadContact,
        contacts_and_messages.read_contact,
        lambda c, q: contacts_and_messages.read_contact(c, _caller(q), q.contact_id),
    ),
    QueryHandler(
        queries.ListConversations,
        conversations.list_conversations,
        lambda c, q: conversations.list_conversations(c, _caller(q), _page(q), _filter(q), _instance(q)),
    ),
    QueryHandler(
        queries.CountConversations,
        conversations.count_conversations,
        lambda c, q: conversations.counted(c, _caller(q), q.assigned_to, _instance(q)),
    ),
    QueryHandler(
        queries.ReadConversation,
        conversations.read_conversation,
        lambda c, q: conversations.read_conversation(c, _caller(q), q.conversation_id),
    ),
    QueryHandler(
        queries.ListConversationMessages,
        conversations.list_messages,
        lambda c, q: conversations.list_messages(c, _caller(q), _page(q), q.conversation_id, q.around),
    ),
    QueryHandler(
        queries.ListMessages,
        contacts_and_messages.list_all_messages,
        lambda c, q: contacts_and_messages.list_all_messages(c, _caller(q), _page(q), _messages(q)),
    ),
    QueryHandler(queries.MessagesBetween, chat.between, lambda c, q: chat.between(c, _caller(q), _numbers(q))),
    QueryHandler(
        queries.ReadMessage,
        contacts_and_messages.read_message,
        lambda c, q: contacts_and_messages.read_message(c, _caller(q), q.message_id),
    ),
    QueryHandler(
        queries.ListBookings,
        bookings.list_bookings,
        lambda c, q: bookings.list_bookings(c, _caller(q), _page(q), BookingFilter(q.status, q.search)),
    ),
    QueryHandler(
        queries.CountBookings,
        bookings.count_bookings,
        lambda c, q: bookings.count_bookings(c, _caller(q)),
    ),
    QueryHandler(
        queries.ReadBooking,
        bookings.read_booking,
        lambda c, q: bookings.read_booking(c, _caller(q), q.booking_id),
    ),
    QueryHandler(queries.ReadQueueStats, admin.queue_stats, lambda c, q: admin.queue_stats(c, _caller(q))),
    QueryHandler(
        queries.ListDeadLetters,
        admin.list_dead_letters,
        lambda c, q: admin.list_dead_letters(c, _caller(q), _page(q)),
    ),
    QueryHandler(
        queries.ReadDeadLetter,
        admin.read_dead_letter,
        lambda c, q: admin.read_dead_letter(c, _caller(q), q.sequence),
    ),
)
"""`c`: the c, `q`: the query. A new read of the REST API gets its class in shared/contracts/queries.py and its
line here."""
