"""Dependencies of the routes: the api's context, the caller with a required scope, and the page of a list."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

import httpx
from fastapi import Depends, Query, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from services.api.access.audit_queue import AuditQueue
from services.api.access.caller_cache import CallerCache
from services.api.access.connected_instances import ConnectedInstances
from services.api.access.login_throttle import LoginThrottle
from services.api.access.passwords import Passwords
from services.api.access.rate_limits import RateLimits
from services.api.access.revocations import AccessRevocations
from services.api.dependencies import depends_on
from services.api.mail.mail_queue import MailQueue
from services.api.request_fields import with_json_schema
from services.api.settings import ApiSettings
from services.api.store.api_keys import ApiKeys
from services.api.store.audit_log import AuditLog
from services.api.store.dead_letters import SEQUENCE_PATTERN, DeadLetters
from services.api.store.dismissed_merges import DismissedMerges
from services.api.store.instances import Instances, unknown_instance
from services.api.store.invitations import Invitations
from services.api.store.login_attempts import LoginAttempts
from services.api.store.login_devices import LoginDevices
from services.api.store.logins import Logins
from services.api.store.members import Members
from services.api.store.organizations import Organizations
from services.api.store.password_resets import PasswordResets
from services.api.store.profiles import Profiles
from services.api.store.send_idempotency_keys import SendIdempotencyKeys
from services.api.store.users import Users
from services.api.views.pagination import CURSOR_PATTERN, MAX_CURSOR_LENGTH, PageRequest
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal, Scope
from shared.contracts.records import Network
from shared.messaging.client import JetStreamContext
from shared.messaging.command_client import CommandClient
from shared.platform.mongo import Database


@dataclass(frozen=True)
class ApiContext:
    """One per process, in `app.state.context` while the app runs. Stores are created on access: they hold no state."""

    settings: ApiSettings
    database: Database
    command_client: CommandClient
    jetstream: JetStreamContext
    passwords: Passwords
    callers: CallerCache
    connected_instances: ConnectedInstances
    revocations: AccessRevocations
    audit_queue: AuditQueue
    rate_limits: RateLimits
    mails: MailQueue | None
    """None: SMTP is not set."""
    simulator: httpx.AsyncClient | None = None
    """Its control interface; local mode only."""

    def require_network(self, network: Network | None) -> None:
        """Raises Problem 422 `simulator_disabled` for the simulated network without a simulator."""
        if network is Network.SIMULATOR and not self.settings.simulator_url:
            detail = "network: there is no simulated network here; it exists only in local mode"
            raise Problem(422, "simulator_disabled", detail)

    @property
    def users(self) -> Users:
        return Users(self.database)

    @property
    def members(self) -> Members:
        return Members(self.database)

    @property
    def profiles(self) -> Profiles:
        return Profiles(self.database)

    @property
    def organizations(self) -> Organizations:
        return Organizations(self.database)

    @property
    def logins(self) -> Logins:
        return Logins(self.database.logins)

    @property
    def login_throttle(self) -> LoginThrottle:
        attempts = LoginAttempts(self.database.login_attempts)
        return LoginThrottle(attempts, self.settings.login_failures, self.settings.login_failures_address)

    @property
    def devices(self) -> LoginDevices:
        return LoginDevices(self.database.login_devices, self.settings.device_ttl)

    @property
    def audit(self) -> AuditLog:
        return AuditLog(self.database.audit, self.settings.audit_kept)

    @property
    def invitations(self) -> Invitations:
        return Invitations(self.database)

    @property
    def password_resets(self) -> PasswordResets:
        return PasswordResets(self.database)

    @property
    def api_keys(self) -> ApiKeys:
        return ApiKeys(self.database.api_keys)

    @property
    def instances(self) -> Instances:
        return Instances(self.database.instances)

    @property
    def dismissed_merges(self) -> DismissedMerges:
        return DismissedMerges(self.database)

    @property
    def send_idempotency_keys(self) -> SendIdempotencyKeys:
        return SendIdempotencyKeys(self.database.idempotency_keys)

    @property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self.jetstream)


def _context(request: Request) -> ApiContext:
    context = request.app.state.context
    assert isinstance(context, ApiContext)
    return context


Ctx = Annotated[ApiContext, depends_on(_context)]
_bearer = HTTPBearer(auto_error=False, description="An access token of /api/auth/login, or an API key")
_api_key = APIKeyHeader(name="X-Api-Key", auto_error=False, description="An API key, `sbk_…`")


async def _optional_caller(
    request: Request,
    _bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    _key: Annotated[str | None, Security(_api_key)],
) -> Principal | Problem | None:
    """As AuthenticationMiddleware set it; the other two parameters only describe the OpenAPI document."""
    caller: Principal | Problem | None = request.state.caller
    return caller


OptionalCaller = Annotated[Principal | Problem | None, Depends(_optional_caller)]
"""None without a token; the Problem of an invalid one."""


async def _caller(caller: OptionalCaller) -> Principal:
    if isinstance(caller, Problem):
        raise caller
    if caller is None:
        detail = "log in at /api/auth/login and send the token as `Authorization: Bearer …`, or an API key as X-Api-Key"
        raise Problem(401, "authentication_required", detail)
    return caller


def _require_scope(
    scope: Scope, *, filtering: bool = False, audited: bool = False
) -> Callable[..., Awaitable[Principal]]:
    """A dependency that raises Problem 403 `scope_missing`. A key that is limited to instances reaches only routes of
    these instances, unless `filtering`: then the route itself restricts its result to them. `audited`: the change is
    written to the audit log, as all are that need the scope `manage`."""

    async def check(request: Request, caller: Annotated[Principal, Depends(_caller)]) -> Principal:
        if scope not in caller.scopes:
            raise Problem(403, "scope_missing", _missing_scope(scope, caller))
        request.state.audited = audited or scope == "manage"
        if caller.instance_ids is not None and not filtering:
            _require_instance_in(caller.instance_ids, request.path_params.get("instance_id"))
        return caller

    return check


def _require_instance_in(instance_ids: frozenset[str], instance_id: str | None) -> None:
    if instance_id is None:
        raise Problem(403, "key_limited", "this API key is limited to instances, and this route is not about one")
    if instance_id not in instance_ids:
        raise unknown_instance()


def _missing_scope(scope: Scope, caller: Principal) -> str:
    who = f"your role {caller.role} does" if caller.role else "the API key does"
    return f"this needs the scope `{scope}`, which {who} not have"


Reader = Annotated[Principal, Depends(_require_scope("read"))]
LimitedReader = Annotated[Principal, Depends(_require_scope("read", filtering=True))]
"""For routes that restrict their result to `caller.instance_ids`."""
LimitedSender = Annotated[Principal, Depends(_require_scope("send", filtering=True))]
LimitedManager = Annotated[Principal, Depends(_require_scope("manage", filtering=True))]
"""For routes that select one of `caller.instance_ids` when the request names no instance."""
Sender = Annotated[Principal, Depends(_require_scope("send"))]
AuditedSender = Annotated[Principal, Depends(_require_scope("send", audited=True))]
Manager = Annotated[Principal, Depends(_require_scope("manage"))]


_cursor_query = Query(max_length=MAX_CURSOR_LENGTH, description="next_cursor of the page before")
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[Annotated[str, with_json_schema(pattern=CURSOR_PATTERN)] | None, _cursor_query]
"""The pattern is checked when the cursor is decoded."""
SequenceCursor = Annotated[Annotated[str, with_json_schema(pattern=SEQUENCE_PATTERN)] | None, _cursor_query]


def _page(limit: Limit = 50, cursor: Cursor = None) -> PageRequest:
    return PageRequest(limit, cursor)


def _sequence_page(limit: Limit = 50, cursor: SequenceCursor = None) -> PageRequest:
    return PageRequest(limit, cursor)


Paging = Annotated[PageRequest, depends_on(_page)]
SequencePaging = Annotated[PageRequest, depends_on(_sequence_page)]
"""For dead letters, whose cursor is a stream sequence."""
