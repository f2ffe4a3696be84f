"""The audit log of the organization."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.api.context import Ctx, Manager, Paging
from services.api.nats.served_on_nats import served_on_nats
from services.api.responses import Page, page_of
from services.api.store.audit_log import AuditEntry

router = APIRouter(prefix="/api/audit", tags=["admin"])

AuditFilter = Annotated[str | None, Query(max_length=100)]


@router.get("")
@served_on_nats("wa.query.audit.list", "ListAudit")
async def list_audit(
    context: Ctx, caller: Manager, page: Paging, actor: AuditFilter = None, action: AuditFilter = None
) -> Page[AuditEntry]:
    """Who changed what, when, from where; newest first. Also logins; failed ones as `login_failed`."""
    return page_of(await context.audit.page(caller.organization_id, page, actor, action))
