"""What the page behind the link of an invitation shows before the person accepts it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from services.api.access.guessed_tokens import counted_guesses
from services.api.context import Ctx
from services.api.request_fields import RequestBody
from services.api.responses import Item
from shared.contracts.principal import Role

router = APIRouter(prefix="/api/auth", tags=["auth"])


class InvitationToken(RequestBody):
    """`token`: of the invitation."""

    token: Annotated[str, Field(min_length=1, max_length=128)]


class InvitationDetails(BaseModel):
    """`role`: what the user will get. `invited_by`: name of the user or API key; null when there is none any more."""

    organization_name: str
    email: str
    role: Role
    invited_by: str | None
    expires_at: datetime


@router.post("/invitation")
async def inspect_invitation(context: Ctx, request: Request, body: InvitationToken) -> Item[InvitationDetails]:
    """What an invitation is for. Nothing changes: programs that open every link of a mail do not use it up. Refused as
    accept-invitation would refuse it: 404 `invitation_invalid`, 409 `invitation_used` or `email_taken`, 410
    `invitation_expired`, `invitation_withdrawn` or `invitation_renewed`."""
    async with counted_guesses(context, request):
        invitation = await context.invitations.get_open(body.token)
    organization = await context.organizations.read(invitation.organization_id)
    names = await context.members.names_of(invitation.organization_id, [invitation.created_by])
    return Item(
        data=InvitationDetails(
            organization_name=organization.name,
            email=invitation.email,
            role=invitation.role,
            invited_by=names.get(invitation.created_by),
            expires_at=invitation.expires_at,
        )
    )
