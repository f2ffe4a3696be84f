"""The two mails that the api sends: an invitation, and the link for a forgotten password."""

from collections.abc import Sequence

from services.api.context import ApiContext
from services.api.mail.mail_texts import DEFAULT_LANGUAGE, Mail, MailContent, written_mail
from services.api.mail.smtp import is_mailable
from services.api.store.audit_log import AuditEvent
from services.api.store.invitations import InvitationRecord
from services.api.store.profiles import Language
from services.api.store.user_records import UserRecord

SELF_REQUESTED = "email"
"""In the place of who made a link: the user asked for it by e-mail address."""


async def mail_invitation(context: ApiContext, invitation: InvitationRecord, token: str) -> bool:
    """In the language of who invites. False when no mail is sent: SMTP is not set, the address cannot be mailed, or too
    many mails wait."""
    if context.mails is None or not is_mailable(invitation.email):
        return False
    organization = await context.organizations.read(invitation.organization_id)
    names = await context.members.names_of(invitation.organization_id, [invitation.created_by])
    content = MailContent(
        kind="invitation",
        organization=organization.name,
        name=names.get(invitation.created_by),
        link=f"{context.settings.public_url}/#/invitation/{token}",
        expires_at=invitation.expires_at,
    )
    language = await _language_of(context, invitation.created_by)
    return context.mails.put(written_mail(invitation.email, content, language or DEFAULT_LANGUAGE))


async def password_reset_mails(
    context: ApiContext, email: str, language: Language | None, origin: tuple[str, str]
) -> Sequence[Mail]:
    """A link for each user with this address, none for an unknown one. `language`: of the page that asked, else the
    user's own. `origin`: address and request id, for the audit log."""
    users = await context.users.all_by_email(email)
    return [await _password_reset_mail(context, user, language, origin) for user in users if is_mailable(user.email)]


async def _password_reset_mail(
    context: ApiContext, user: UserRecord, language: Language | None, origin: tuple[str, str]
) -> Mail:
    organization = await context.organizations.read(user.organization_id)
    ttl = context.settings.password_reset_ttl
    token, expires_at = await context.password_resets.create(user, SELF_REQUESTED, ttl)
    await context.audit.record(AuditEvent(user.organization_id, user.id, "forgot_password", *origin))
    content = MailContent(
        kind="password_reset",
        organization=organization.name,
        name=user.name,
        link=f"{context.settings.public_url}/#/password-reset/{token}",
        expires_at=expires_at,
    )
    chosen = language or await _language_of(context, user.id) or DEFAULT_LANGUAGE
    return written_mail(user.email, content, chosen)


async def _language_of(context: ApiContext, user_id: str) -> Language | None:
    profile = await context.profiles.read(user_id)
    return profile.preferences.language if profile else None
