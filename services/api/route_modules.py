"""Every module with routes. A new module gets its line here."""

from fastapi.routing import APIRoute

from services.api.compat import broadcaster, chat, named_sessions, single_account
from services.api.nats.served_on_nats import SERVED_FUNCTIONS, ServedFunction
from services.api.routes import (
    admin,
    api_keys,
    audit,
    auth,
    bookings,
    console,
    contact_merges,
    contacts_and_messages,
    conversations,
    docs,
    forgot_password,
    health,
    instance_connection,
    instances,
    invitation_links,
    logins,
    organization,
    password,
    password_resets,
    profile,
    sends,
    simulator,
    users,
)

ROUTE_MODULES = (
    auth,
    password,
    password_resets,
    forgot_password,
    invitation_links,
    logins,
    profile,
    organization,
    api_keys,
    instances,
    instance_connection,
    sends,
    contact_merges,
    contacts_and_messages,
    conversations,
    bookings,
    health,
    simulator,
    docs,
    console,
    admin,
    audit,
    users,
    single_account,
    broadcaster,
    chat,
    named_sessions,
)


def declared_routes() -> list[APIRoute]:
    """The routes of all modules, in the order in which they are matched."""
    return [route for module in ROUTE_MODULES for route in module.router.routes if isinstance(route, APIRoute)]


def served_functions() -> list[ServedFunction]:
    """The functions of all modules that are served on NATS, by subject."""
    return sorted(SERVED_FUNCTIONS, key=lambda served: served.subject)
