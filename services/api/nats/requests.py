"""The requests of NATS, and the REST route that carries out each."""

from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from services.api.nats.route_bridge import RequestRoute, RouteEndpoint
from services.api.routes import (
    admin,
    api_keys,
    bookings,
    contacts_and_messages,
    conversations,
    instance_connection,
    instances,
    organization,
    sends,
    users,
)
from shared.contracts import requests as r

REQUEST_ROUTES: tuple[RequestRoute, ...] = (
    RequestRoute(r.ChangeOrganizationRequest, organization.change_organization),
    RequestRoute(r.CreateInstanceRequest, instances.create_instance),
    RequestRoute(r.ChangeInstanceRequest, instances.change_instance),
    RequestRoute(r.DeleteInstanceRequest, instances.delete_instance),
    RequestRoute(r.RemoveInstanceRequest, instances.remove_instance),
    RequestRoute(r.ConnectInstanceRequest, instance_connection.connect, is_slow=True),
    RequestRoute(r.DisconnectInstanceRequest, instance_connection.disconnect, is_slow=True),
    RequestRoute(r.LogoutInstanceRequest, instance_connection.logout, is_slow=True),
    RequestRoute(r.SendRequest, sends.send, is_slow=True),
    RequestRoute(r.CreateBookingRequest, bookings.create_booking, is_slow=True),
    RequestRoute(r.RescheduleBookingRequest, bookings.reschedule_booking, is_slow=True),
    RequestRoute(r.ChangeBookingRequest, bookings.change_booking, is_slow=True),
    RequestRoute(r.SplitContactRequest, contacts_and_messages.split_contact, is_slow=True),
    RequestRoute(r.MarkConversationReadRequest, conversations.mark_read, is_slow=True),
    RequestRoute(r.AssignConversationRequest, conversations.assign, is_slow=True),
    RequestRoute(r.CloseConversationRequest, conversations.close, is_slow=True),
    RequestRoute(r.ReopenConversationRequest, conversations.reopen, is_slow=True),
    RequestRoute(r.CreateApiKeyRequest, api_keys.create_key),
    RequestRoute(r.RevokeApiKeyRequest, api_keys.revoke_key),
    RequestRoute(r.ChangeUserRequest, users.change_user),
    RequestRoute(r.RemoveUserRequest, users.remove_user),
    RequestRoute(r.CreateInvitationRequest, users.invite),
    RequestRoute(r.WithdrawInvitationRequest, users.withdraw_invitation),
    RequestRoute(r.ReplayDeadLetterRequest, admin.replay_dead_letter),
    RequestRoute(r.DropDeadLetterRequest, admin.drop_dead_letter),
)
"""A new write of the REST API gets its class in shared/contracts/requests.py and its line here."""

_MODULES = (
    admin,
    api_keys,
    bookings,
    instance_connection,
    conversations,
    instances,
    organization,
    contacts_and_messages,
    sends,
    users,
)


def route_of(request_route: RequestRoute) -> APIRoute:
    """The route of a request's function."""
    routes = (route for module in _MODULES for route in module.router.routes if isinstance(route, APIRoute))
    return next(route for route in routes if route.endpoint is request_route.function)


def request_endpoints(app: ASGIApp) -> list[RouteEndpoint]:
    """All requests, carried out by this app."""
    return [RouteEndpoint(app, request_route, route_of(request_route)) for request_route in REQUEST_ROUTES]
