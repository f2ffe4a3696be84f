"""The texts of the mails in each language, as plain text and as simple HTML."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from services.api.store.profiles import Language
from shared.text.bounded_text import bounded_line

MailKind = Literal["invitation", "password_reset"]
DEFAULT_LANGUAGE: Language = "en"
MAX_NAME_IN_MAIL = 80
_JOINED = re.compile(r"(?<=\S)[./:@\\]+(?=\S)")
"""Inside of a web or e-mail address. Mail programs make links of these, and names are chosen by strangers."""


@dataclass(frozen=True)
class Mail:
    """`text` and `html` have the same content. None of the texts has line breaks that a sender put into a name."""

    to: str
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class MailWords:
    """`{organization}`, `{name}` and `{until}` are replaced; `name`: who invites, or whose password it is."""

    subject: str
    greeting: str
    button: str
    validity: str
    ignore: str


MAIL_WORDS: Mapping[tuple[MailKind, Language], MailWords] = MappingProxyType(
    {
        ("invitation", "en"): MailWords(
            "Invitation to {organization}",
            "{name} invites you to work with {organization} in Switchboard.",
            "Accept the invitation",
            "The link works once, until {until}.",
            "If you do not know why you got this mail, ignore it: nothing happens without you.",
        ),
        ("invitation", "pt-BR"): MailWords(
            "Convite para {organization}",
            "{name} convida você para trabalhar com {organization} no Switchboard.",
            "Aceitar o convite",
            "O link funciona uma única vez, até {until}.",
            "Se você não sabe por que recebeu este e-mail, ignore-o: nada acontece sem você.",
        ),
        ("invitation", "es"): MailWords(
            "Invitación a {organization}",
            "{name} te invita a trabajar con {organization} en Switchboard.",
            "Aceptar la invitación",
            "El enlace funciona una sola vez, hasta el {until}.",
            "Si no sabes por qué recibiste este correo, ignóralo: nada ocurre sin ti.",
        ),
        ("password_reset", "en"): MailWords(
            "New password for {organization}",
            "Somebody, perhaps you, asked for a new password for {name} at {organization} in Switchboard.",
            "Set a new password",
            "The link works once, until {until}.",
            "If you did not ask for it, ignore this mail: your password stays as it is.",
        ),
        ("password_reset", "pt-BR"): MailWords(
            "Nova senha para {organization}",
            "Alguém, talvez você, pediu uma nova senha para {name} em {organization} no Switchboard.",
            "Definir uma nova senha",
            "O link funciona uma única vez, até {until}.",
            "Se não foi você, ignore este e-mail: sua senha continua a mesma.",
        ),
        ("password_reset", "es"): MailWords(
            "Nueva contraseña para {organization}",
            "Alguien, quizás tú, pidió una nueva contraseña para {name} en {organization} en Switchboard.",
            "Definir una nueva contraseña",
            "El enlace funciona una sola vez, hasta el {until}.",
            "Si no fuiste tú, ignora este correo: tu contraseña sigue igual.",
        ),
    }
)


@dataclass(frozen=True)
class MailContent:
    """The texts of a mail. `name`: of the person it names; None: the mail names the organization instead."""

    kind: MailKind
    organization: str
    name: str | None
    link: str
    expires_at: datetime


def mail_name(name: str) -> str:
    """A name as a mail shows it: one line, and no part of it is an address that a mail program makes a link of."""
    return bounded_line(_JOINED.sub(" ", name), MAX_NAME_IN_MAIL)


def written_mail(to: str, content: MailContent, language: Language) -> Mail:
    words = MAIL_WORDS[content.kind, language]
    organization = mail_name(content.organization)
    values = {
        "organization": organization,
        "name": mail_name(content.name) if content.name else organization,
        "until": f"{content.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    }
    greeting, validity = words.greeting.format(**values), words.validity.format(**values)
    text = f"{greeting}\n\n{words.button}:\n{content.link}\n\n{validity}\n{words.ignore}\n"
    link = f'<a href="{html.escape(content.link)}">{html.escape(words.button)}</a>'
    parts = [html.escape(greeting), link, html.escape(validity), html.escape(words.ignore)]
    paragraphs = "".join(f"<p>{part}</p>" for part in parts)
    page = f'<!doctype html><html lang="{language}"><meta charset="utf-8"><body>{paragraphs}</body></html>'
    return Mail(to, words.subject.format(**values), text, page)
