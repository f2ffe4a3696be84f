"""Invitations and links for forgotten passwords by mail, through a real SMTP server."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from services.api.mail import mail_queue
from shared.contracts.ids import new_id
from tests.component.api.conftest import Api, Member, running
from tests.servers import free_port
from tests.smtp_server import Mailbox, html_text, plain_text, smtp_server

OLD, NEW = "a password of mine", "another password of mine"
PUBLIC_URL = "https://chat.example.com"


@dataclass
class Post:
    """An api that sends mails, and the mailbox they arrive in. `owner`: sends the token of an organization's owner."""

    served: Api
    mailbox: Mailbox
    owner: httpx.AsyncClient

    async def post(self, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        async with self.served.client() as http:
            return await http.post(f"/api/auth/{path}", json=body, headers=headers)

    async def invited(self, email: str, **headers: str) -> dict[str, Any]:
        answer = await self.owner.post("/api/invitations", json={"email": email}, headers=headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    async def user(self) -> str:
        """The e-mail address of a new user of the organization, whose invitation was mailed."""
        email = f"{new_id()}@example.org"
        token = (await self.invited(email))["token"]
        assert (await self.post("accept-invitation", token=token, password=OLD)).status_code == 201
        await self.mailbox.received(1)
        self.mailbox.messages.clear()
        self.mailbox.recipients.clear()
        self.mailbox.attempts = 0
        return email


@pytest.fixture
async def post(api: Api, member: Member, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(mail_queue.MailQueue.__init__, "__defaults__", ((0.01, 0.02),))
    await api.database.login_attempts.delete_many({"_id": {"$regex": "^mail-"}})
    async with smtp_server() as mailbox:
        settings = api.settings.model_copy(
            update={
                "http_port": free_port(),
                "smtp_host": "127.0.0.1",
                "smtp_port": mailbox.port,
                "smtp_tls": "none",
                "smtp_from": "switchboard@example.com",
                "public_url": PUBLIC_URL,
            }
        )
        async with running(settings) as url:
            served = Api(url, settings, api.database, api.nats)
            async with served.client(Authorization=member.http.headers["Authorization"]) as owner:
                yield Post(served, mailbox, owner)


def link_in(text: str, kind: str) -> str:
    """The token of the only link."""
    links = re.findall(r"https?://\S+", text)
    assert len(links) == 1
    prefix = f"{PUBLIC_URL}/#/{kind}/"
    assert links[0].startswith(prefix)
    return str(links[0].removeprefix(prefix))


async def test_the_page_knows_whether_mails_are_sent(api: Api, post: Post) -> None:
    async with api.client() as without, post.served.client() as with_mails:
        assert (await without.get("/api/config")).json()["email"] is False
        assert (await with_mails.get("/api/config")).json()["email"] is True


async def test_without_smtp_nothing_is_mailed_and_the_answer_says_whom_to_ask(api: Api, member: Member) -> None:
    answer = await member.http.post("/api/invitations", json={"email": f"{new_id()}@example.org"})
    assert answer.json()["data"]["mailed"] is False
    async with api.client() as http:
        answer = await http.post("/api/auth/forgot-password", json={"email": "a@example.org"})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_not_configured")
    assert "owner" in answer.json()["detail"]


async def test_an_invitation_is_mailed_with_a_link_that_works(post: Post) -> None:
    email = f"{new_id()}@example.org"
    made = await post.invited(email)
    assert made["mailed"] is True
    (message,) = await post.mailbox.received(1)
    assert post.mailbox.recipients == [[email]]
    assert (message["To"], message["Subject"]) == (email, "Invitation to Acme")
    assert message["Auto-Submitted"] == "auto-generated"
    until = f"{datetime.fromisoformat(made['expires_at']):%Y-%m-%d %H:%M} UTC"
    assert until in plain_text(message), "the mail says when the link really ends"
    token = link_in(plain_text(message), "invitation")
    assert token == made["token"]
    assert f'href="{PUBLIC_URL}/#/invitation/{token}"' in html_text(message)
    assert (await post.post("accept-invitation", token=token, password=OLD)).status_code == 201


async def test_a_repeated_request_is_mailed_once_and_a_renewal_again(post: Post) -> None:
    email, key = f"{new_id()}@example.org", new_id()
    made = await post.invited(email, **{"Idempotency-Key": key})
    again = await post.owner.post("/api/invitations", json={"email": email}, headers={"Idempotency-Key": key})
    assert again.json()["code"] == "shown_once"
    new = (await post.owner.post(f"/api/invitations/{made['id']}/renew")).json()["data"]
    assert new["mailed"] is True
    first, second = await post.mailbox.received(2)
    tokens = [link_in(plain_text(message), "invitation") for message in (first, second)]
    assert tokens == [made["token"], new["token"]]


async def test_a_forgotten_password_is_set_anew_by_the_mailed_link(post: Post) -> None:
    email = await post.user()
    asked = await post.post("forgot-password", email=f" {email.upper()} ", language="pt-BR")
    assert (asked.status_code, asked.json()) == (202, {"success": True})
    (message,) = await post.mailbox.received(1)
    assert post.mailbox.recipients == [[email]]
    assert message["Subject"] == "Nova senha para Acme"
    token = link_in(plain_text(message), "password-reset")
    for _ in range(2):
        assert (await post.post("password-reset/inspect", token=token)).status_code == 200
    assert (await post.post("password-reset", token=token, password=NEW)).status_code == 200
    assert (await post.post("login", email=email, password=NEW)).status_code == 200
    actions = [entry["action"] for entry in (await post.owner.get("/api/audit")).json()["data"]]
    assert actions[:4] == ["login", "login", "reset_password", "forgot_password"]


async def test_known_and_unknown_addresses_get_the_same_answer_and_only_the_known_one_a_mail(post: Post) -> None:
    email = await post.user()
    answers = [await post.post("forgot-password", email=each) for each in (f"{new_id()}@example.org", email)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {"success": True})] * 2
    await post.mailbox.received(1)
    assert post.mailbox.recipients == [[email]]


async def test_a_link_never_names_the_host_of_the_request(post: Post) -> None:
    """Whoever asks for a link chooses the headers of the request, and the victim would open the link."""
    email = await post.user()
    headers = {"Host": "localhost", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    answer = await post.post("forgot-password", headers, email=email)
    assert answer.status_code == 202
    (message,) = await post.mailbox.received(1)
    assert link_in(plain_text(message), "password-reset")
    assert "evil.example" not in message.as_string()


@pytest.mark.parametrize(
    "email",
    ["a@example.org\nBcc: b@example.org", "a@example.org\r\n", "a@b.c, d@e.f", "<a@b.c>", "a b@example.org", ""],
)
async def test_an_address_cannot_add_headers_or_recipients(post: Post, email: str) -> None:
    known = await post.user()
    answers = [await post.post("forgot-password", email=each) for each in (email, known)]
    assert answers[0].status_code in (202, 422)
    await post.mailbox.received(1)
    assert post.mailbox.recipients == [[known]]


@pytest.mark.parametrize("email", ["a,b@example.org", "<x>@example.org", "ana@exämple.org", 'a"b@example.org'])
async def test_an_address_that_cannot_be_mailed_is_invited_by_its_link(post: Post, email: str) -> None:
    assert (await post.invited(email))["mailed"] is False
    assert (await post.invited(f"{new_id()}@example.org"))["mailed"] is True
    await post.mailbox.received(1)
    assert len(post.mailbox.recipients) == 1


async def test_a_similar_looking_address_gets_no_link_of_another(post: Post) -> None:
    """Letters that become the same when they are folded: a mail would go to the stranger."""
    email = await post.user()
    name, _, domain = email.partition("@")
    for similar in (f"{name}@EXAMPLE.ORG".replace("E", "Е"), f"{name}@ｅxample.org", f"{name}@example.org\u200b"):
        await post.post("forgot-password", email=similar)
    assert (await post.post("forgot-password", email=f"{name}@{domain.upper()}")).status_code == 202
    await post.mailbox.received(1)
    assert post.mailbox.recipients == [[email]]


async def test_names_are_escaped_and_hold_no_links(post: Post, member: Member) -> None:
    """An invitation must not carry the advertisement of who registered with a web address as a name."""
    name = 'Win at www.evil.example/now <b>"x"</b>'
    assert (await member.http.patch("/api/me", json={"name": name})).status_code == 200
    await post.invited(f"{new_id()}@example.org")
    (message,) = await post.mailbox.received(1)
    link_in(plain_text(message), "invitation")
    assert "evil.example" not in plain_text(message)
    assert "<b>" not in html_text(message)
    assert "&lt;b&gt;" in html_text(message)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("pt-BR", "Convite para Acme"),
        ("es", "Invitación a Acme"),
        ("en", "Invitation to Acme"),
        (None, "Invitation to Acme"),
    ],
)
async def test_an_invitation_has_the_language_of_who_invites(
    post: Post, member: Member, language: str | None, subject: str
) -> None:
    await member.http.patch("/api/me", json={"preferences": {"language": language}})
    await post.invited(f"{new_id()}@example.org")
    assert (await post.mailbox.received(1))[0]["Subject"] == subject


async def test_a_mail_is_tried_again_after_a_fault_and_delays_no_other(post: Post) -> None:
    post.mailbox.refusals = ["451 later", "451 later"]
    await post.invited(f"{new_id()}@example.org")
    await post.mailbox.received(1)
    assert post.mailbox.attempts == 3


@pytest.mark.parametrize(("answer", "attempts"), [("550 never", 1), ("451 later", 3)])
async def test_a_mail_that_is_refused_for_good_is_given_up(post: Post, answer: str, attempts: int) -> None:
    post.mailbox.refusals = [answer] * attempts
    await post.invited(f"{new_id()}@example.org")
    await post.mailbox.until(lambda: post.mailbox.attempts == attempts)
    await post.invited(f"{new_id()}@example.org")
    await post.mailbox.received(1)
    assert post.mailbox.attempts == attempts + 1


async def test_links_are_not_asked_for_without_end(post: Post) -> None:
    for email in (await post.user(), f"{new_id()}@example.org"):
        answers = [await post.post("forgot-password", email=email) for _ in range(6)]
        assert [answer.status_code for answer in answers][:3] == [202] * 3
        assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too_many_password_requests")
        assert answers[-1].headers["Retry-After"]


async def test_a_full_queue_says_so(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_queue, "MAX_PENDING_MAILS", 0)
    assert (await post.invited(f"{new_id()}@example.org"))["mailed"] is False
    answer = await post.post("forgot-password", email=f"{new_id()}@example.org")
    assert (answer.status_code, answer.json()["code"]) == (503, "mails_busy")


async def test_a_log_has_neither_tokens_nor_addresses(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    email = f"{new_id()}@example.org"
    post.mailbox.refusals = ["550 never <" + email + ">"]
    token = (await post.invited(email))["token"]
    await post.mailbox.until(lambda: "refused mail" in caplog.text)
    assert email not in caplog.text
    assert token not in caplog.text
