"""Which request is done by which REST write."""

from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from services.api.nats.route_bridge import Asking, Write
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

WRITES: tuple[Write, ...] = (
    Write(r.ChangeOrganizationRequest, organization.change_organization),
    Write(r.CreateInstanceRequest, instances.create_instance),
    Write(r.ChangeInstanceRequest, instances.change_instance),
    Write(r.DeleteInstanceRequest, instances.delete_instance),
    Write(r.RemoveInstanceRequest, instances.remove_instance),
    Write(r.ConnectInstanceRequest, instance_connection.connect, waits=True),
    Write(r.DisconnectInstanceRequest, instance_connection.disconnect, waits=True),
    Write(r.LogoutInstanceRequest, instance_connection.logout, waits=True),
    Write(r.SendRequest, sends.send, waits=True),
    Write(r.CreateBookingRequest, bookings.create_booking, waits=True),
    Write(r.RescheduleBookingRequest, bookings.reschedule_booking, waits=True),
    Write(r.ChangeBookingRequest, bookings.change_booking, waits=True),
    Write(r.SplitContactRequest, contacts_and_messages.split_contact, waits=True),
    Write(r.MarkConversationReadRequest, conversations.mark_read, waits=True),
    Write(r.AssignConversationRequest, conversations.assign, waits=True),
    Write(r.CloseConversationRequest, conversations.close, waits=True),
    Write(r.ReopenConversationRequest, conversations.reopen, waits=True),
    Write(r.CreateApiKeyRequest, api_keys.create_key),
    Write(r.RevokeApiKeyRequest, api_keys.revoke_key),
    Write(r.ChangeUserRequest, users.change_user),
    Write(r.RemoveUserRequest, users.remove_user),
    Write(r.CreateInvitationRequest, users.invite),
    Write(r.WithdrawInvitationRequest, users.withdraw_invitation),
    Write(r.ReplayDeadLetterRequest, admin.replay_dead_letter),
    Write(r.DropDeadLetterRequest, admin.drop_dead_letter),
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


def route_of(write: Write) -> APIRoute:
    """Where the REST API has it."""
    routes = (route for module in _MODULES for route in module.router.routes if isinstance(route, APIRoute))
    return next(route for route in routes if route.endpoint is write.view)


def requests_to(app: ASGIApp) -> list[Asking]:
    """Every write, done by this app."""
    return [Asking(app, write, route_of(write)) for write in WRITES]
