"""Sends one mail to the SMTP server of the settings."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import aiosmtplib

from services.api.mail.mail_texts import Mail
from services.api.settings import ApiSettings
from shared.contracts.message import utc_now

SMTP_TIMEOUT_S = 20.0
_MAILABLE = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class MailRefused(Exception):
    """The SMTP server will never take this mail."""


def is_mailable(email: str) -> bool:
    """Whether mails are sent to this address: ASCII, and one address however a server reads it."""
    return _MAILABLE.fullmatch(email) is not None


def to_message(mail: Mail, sender: str) -> EmailMessage:
    """Raises ValueError for a line break in a header."""
    message = EmailMessage()
    message["From"] = Address("Switchboard", addr_spec=sender)
    message["To"] = Address(addr_spec=mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(utc_now())
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


async def send_mail(settings: ApiSettings, mail: Mail) -> None:
    """Raises MailRefused, and any other error for what may succeed later."""
    if not is_mailable(mail.to):
        raise MailRefused("no mailable address")
    try:
        await aiosmtplib.send(
            to_message(mail, settings.smtp_from),
            sender=settings.smtp_from,
            recipients=[mail.to],
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password or None,
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            timeout=SMTP_TIMEOUT_S,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        if all(refused.code >= 500 for refused in error.recipients):
            raise MailRefused(f"code {error.recipients[0].code}") from error
        raise
    except aiosmtplib.SMTPDataError as error:
        if error.code >= 500:
            raise MailRefused(f"code {error.code}") from error
        raise
