"""The organization one works for."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from services.api.answers import One
from services.api.context import Ctx, Reader

router = APIRouter(prefix="/api/organization", tags=["organization"])


class Organization(BaseModel):
    id: str
    name: str
    created_at: datetime


@router.get("")
async def organization(context: Ctx, caller: Reader) -> One[Organization]:
    """The caller's own."""
    name, created_at = await context.users.organization(caller.organization_id)
    return One(data=Organization(id=caller.organization_id, name=name, created_at=created_at))
