"""The link for a forgotten password by e-mail, where SMTP is set."""

from functools import partial

from fastapi import APIRouter, Request

from services.api.access.mail_throttle import take_mail_request
from services.api.access.password_check import client_address
from services.api.context import Ctx
from services.api.mail.link_mails import password_reset_mails
from services.api.problems import request_id_of
from services.api.request_fields import Email, RequestBody
from services.api.responses import Ok
from services.api.store.login_attempts import LoginAttempts
from services.api.store.profiles import Language
from shared.contracts.errors import Problem
from shared.web.client_addresses import network_of

router = APIRouter(prefix="/api/auth", tags=["auth"])


class ForgottenPassword(RequestBody):
    """`language`: of the mail; null: the user's own, else English."""

    email: Email
    language: Language | None = None


@router.post("/forgot-password", status_code=202)
async def forgot_password(context: Ctx, request: Request, body: ForgottenPassword) -> Ok:
    """Ask for a link by e-mail. The answer is the same for known and unknown addresses; who is known gets a mail a
    moment later. 409 `email_not_configured`: this server sends no mails."""
    mails = context.mails
    if mails is None:
        raise Problem(409, "email_not_configured", "this server sends no mails; ask an owner for a link")
    address = client_address(request)
    await take_mail_request(LoginAttempts(context.database.login_attempts), body.email, network_of(address))
    origin = (address, request_id_of(request))
    if not mails.put(partial(password_reset_mails, context, body.email, body.language, origin)):
        detail = "too many mails are waiting; try again in a minute"
        raise Problem(503, "mails_busy", detail, retry_after=60)
    return Ok()
