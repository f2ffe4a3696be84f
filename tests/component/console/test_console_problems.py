"""Error texts of the console: written for the user, never the API's own texts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from docs.generate.errors import raised_errors
from services.session.supervisor.status_reasons import DETAILS
from services.session.worker.send_results import WHATSAPP_REFUSALS
from tests.component.console.backend import AT, Backend, Record

SESSION = Path(__file__).parents[3] / "services/session"
MARK = "instance_id: wa.command.x was not taken (E4711)"
"""A text that the page must never show."""
BROKEN = {"status": 409, "code": "made_up", "detail": MARK, "error": MARK, "title": MARK, "request_id": "req-4711"}
LANGUAGES = ("en", "es", "pt-BR")
SENTENCES = """async ([language, codes]) => {
  (await import("/console/js/language.js")).chooseLanguage(language);
  const { errorText, reasonText, sendFailureText, hasText } = await import("/console/js/network/errors.js");
  return codes.map(([kind, code, status]) => {
    if (!hasText(code)) return null;
    if (kind === "refusal") return errorText({ code, status });
    return kind === "reason" ? reasonText(code) : sendFailureText(`${code}: x`);
  });
}"""


def failure_codes() -> set[str]:
    """Of the session service: what `failed(send, code, …)` and the outcomes written as a dictionary say."""
    nodes = [node for path in SESSION.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))]
    called = [code for node in nodes if isinstance(node, ast.Call) for code in _called(node)]
    written = [code for node in nodes if isinstance(node, ast.Dict) for code in _written(node)]
    return {code for code, _ in WHATSAPP_REFUSALS.values()} | set(called) | set(written)


def _called(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "failed" and len(node.args) > 1:
        yield from _texts(node.args[1])


def _written(node: ast.Dict) -> Iterator[str]:
    found = {
        key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
    }
    if "outcome" in found and "code" in found:
        yield from _texts(found["code"])


def _texts(node: ast.expr) -> Iterator[str]:
    options = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    yield from (one.value for one in options if isinstance(one, ast.Constant) and isinstance(one.value, str))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_code_has_a_sentence(page: Page, language: str) -> None:
    codes = [("refusal", place.code, int(place.status) if place.status.isdigit() else 500) for place in raised_errors()]
    codes += [("reason", code, 0) for code in DETAILS]
    failures = failure_codes()
    assert {"not_connected", "too_late", "not_on_whatsapp", "too_many_messages"} <= failures
    codes += [("failure", code, 0) for code in sorted(failures)]
    sentences = await page.evaluate(SENTENCES, [language, [list(one) for one in codes]])
    texts = dict(zip([(kind, code) for kind, code, _ in codes], sentences, strict=True))
    missing = [key for key, sentence in texts.items() if sentence is None]
    assert missing == [], f"write a sentence for these in console/js/words/errors_*.js: {missing}"
    wrong = {key: text for key, text in texts.items() if not re.fullmatch(r"[A-ZÁÉÍÓÚÂÊÔÀ][^`_{}…]{20,240}\.", text)}
    assert wrong == {}
    details = {place.detail for place in raised_errors()} | set(DETAILS.values())
    assert [text for text in sentences if text in details] == []
    if language != "en":
        english = await page.evaluate(SENTENCES, ["en", [list(one) for one in codes]])
        assert [text for text, other in zip(sentences, english, strict=True) if text == other] == []


async def sentence(page: Page, **refusal: Any) -> str:
    codes = "async (refusal) => (await import('/console/js/network/errors.js')).errorText(refusal)"
    return str(await page.evaluate(codes, refusal))


async def test_a_sentence_says_when_to_try_again_and_what_an_operator_needs(page: Page) -> None:
    assert "Try again in 12 seconds." in await sentence(page, code="rate_limited", status=429, retryAfter=11.2)
    assert "Try again in 1 second." in await sentence(page, code="too_many_logins", status=429, retryAfter=0.4)
    assert "Try again in 2 minutes." in await sentence(page, code="rate_limited", status=429, retryAfter=101)
    assert "Try again in 2 hours." in await sentence(page, code="rate_limited", status=429, retryAfter=7_000)
    assert "Try again in 10 minutes." in await sentence(page, code="rate_limited", status=429, retryAfter=600)
    assert "Try again in a moment." in await sentence(page, code="rate_limited", status=429)
    assert "Try again in 30 seconds." in await sentence(page, code="never_seen", status=503, retryAfter=30)
    for code in ("internal_error", "never_seen", "constructor", "__proto__", None, 7):
        texts = await sentence(page, code=code, status=500, requestId="0a1b-2c")
        assert "request id 0a1b-2c" in texts
    unsafe = await sentence(page, code="never_seen", status=500, requestId="<b>call 0900</b>")
    assert "0900" not in unsafe


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("es", "Intenta de nuevo en 1 segundo.", "Intenta de nuevo en 12 segundos."),
        ("pt-BR", "Tente de novo em 1 segundo.", "Tente de novo em 12 segundos."),
    ],
)
async def test_when_to_try_again_has_the_plurals_of_the_language(
    page: Page, language: str, one: str, many: str
) -> None:
    choose = "async (language) => (await import('/console/js/language.js')).chooseLanguage(language)"
    await page.evaluate(choose, language)
    assert one in await sentence(page, code="too_many_logins", status=429, retryAfter=0.4)
    assert many in await sentence(page, code="rate_limited", status=429, retryAfter=11.2)
    texts = await sentence(page, code="never_seen", status=500, requestId="0a1b-2c")
    assert "request id 0a1b-2c" in texts
    assert "server" not in texts.lower().replace("servidor", "")


async def test_a_request_has_a_time_limit(page: Page) -> None:
    """The headers arrive at once in one case, and nothing does in the other; a caller may also give up itself."""
    codes = await page.evaluate("""async () => {
      const { call } = await import("/console/js/network/rest.js");
      const { errorText } = await import("/console/js/network/errors.js");
      const never = (signal) => new Promise((_, reject) => {
        if (signal.aborted) reject(signal.reason);
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      const own = new AbortController();
      const answers = [
        (_url, { signal }) => never(signal),
        async (_url, { signal }) => ({ ok: true, headers: new Headers(), json: () => never(signal) }),
        (_url, { signal }) => { own.abort(); return never(signal); },
      ];
      const found = [];
      const fetched = window.fetch;
      for (const [at, answer] of answers.entries()) {
        window.fetch = answer;
        const options = { timeLimitMs: 20, signal: at === 2 ? own.signal : undefined };
        const problem = await call("GET", "/api/x", options).catch((thrown) => thrown);
        found.push(problem.name === "AbortError" ? problem.name : problem.message);
      }
      window.fetch = fetched;
      return [...found, errorText({ code: "answer_too_late" })];
    }""")
    assert codes[:2] == [codes[3]] * 2
    assert codes[3].startswith("The server did not answer in time.")
    assert codes[2] == "AbortError"


async def test_a_field_of_a_form_says_what_to_write(page: Page) -> None:
    codes = "async (entry) => (await import('/console/js/network/errors.js')).fieldText(entry)"
    for field, code, part in [
        ("email", "value_error", "me@example.org"),
        ("password", "string_too_short", "10 to 128"),
        ("body.instance_name", "string_too_long", "at most 80"),
        ("name", "missing", "fill this in"),
        ("phone_number", "invalid_phone", "country code"),
        ("anything", "never_seen", "cannot be used"),
    ]:
        texts = await page.evaluate(codes, {"field": field, "code": code, "message": MARK})
        assert part in texts


async def test_the_waiting_time_of_a_throttled_login_is_shown(page: Page, backend: Backend) -> None:
    backend.login_refusal = {"status": 429, "code": "too_many_logins", "detail": MARK, "retry_after": 17}
    await page.fill("#email", "me@example.org")
    await page.fill("#password", "right")
    await page.keyboard.press("Enter")
    await expect(page.locator(".error.box")).to_contain_text("Try again in 17 seconds.")
    await no_mark(page)


async def test_an_answer_that_is_no_problem_document_is_a_sentence_too(page: Page) -> None:
    await page.route("**/api/auth/login", lambda route: route.fulfill(status=502, body="<html>Bad Gateway</html>"))
    await page.fill("#email", "me@example.org")
    await page.fill("#password", "right")
    await page.keyboard.press("Enter")
    await expect(page.locator(".error.box")).to_contain_text(
        "The server could not do this right now. Try again in a moment."
    )
    await page.unroute("**/api/auth/login")
    await page.route("**/api/auth/login", lambda route: route.abort())
    await page.get_by_role("button", name="Log in").click()
    await expect(page.locator(".error.box")).to_contain_text("The server cannot be reached.")


async def no_mark(page: Page) -> None:
    """Neither on the page nor in a label."""
    shown = str(await page.evaluate("document.title + document.body.outerHTML"))
    assert MARK not in shown
    assert "E4711" not in shown


def unhappy(backend: Backend) -> None:
    """An account that is offline, messages that failed."""
    backend.lists["whatsapp/instances"][0] |= {"status": "failed", "reason": "never_seen", "detail": MARK}
    failed: Record = {
        "kind": "message",
        "type": "text",
        "direction": "outbound",
        "status": "failed",
        "timestamp": AT,
        "conversation_id": "v1",
        "contact_id": "c1",
    }
    backend.lists["conversations/v1/messages"] = [
        failed | {"id": "f1", "text": "one", "error": f"not_on_whatsapp: {MARK}"},
        failed | {"id": "f2", "text": "two", "error": f"{MARK}"},
    ]


async def test_no_view_shows_the_words_of_the_api(console: Page, backend: Backend) -> None:
    unhappy(backend)
    await console.goto("/#/accounts")
    await console.reload()
    await expect(console.locator(".account .reason")).to_contain_text("The connection ended.")
    await console.goto("/#/inbox/v1")
    await expect(console.locator(".bubble-error").first).to_contain_text("This number does not use WhatsApp.")
    await expect(console.locator(".bubble-error").last).to_contain_text("WhatsApp did not accept this message.")
    await no_mark(console)
    backend.outage = BROKEN
    backend.refusal = {"error": MARK, "code": "made_up", "retryable": True}
    await console.get_by_label("Write a message", exact=True).fill("good morning")
    await console.keyboard.press("Enter")
    await expect(console.locator(".message.failed", has_text="good morning")).to_contain_text("did not accept this")
    await console.get_by_role("button", name="Assign to me").click()
    await expect(console.locator(".head-problem .error")).to_contain_text("request id req-4711")
    await no_mark(console)
    await console.get_by_role("link", name="Notes").click()
    await expect(console.locator(".page .error")).to_contain_text("request id req-4711")
    backend.outage = None
    await console.get_by_role("link", name="Bookings").click()
    await expect(console.get_by_role("button", name="Confirm")).to_be_visible()
    backend.outage = BROKEN
    await console.get_by_role("button", name="Confirm").click()
    await expect(console.locator(".row .error")).to_contain_text("cannot be done right now")
    await no_mark(console)
    for name in ("People", "Inbox", "Bookings"):
        await console.get_by_role("link", name=name).click()
        await expect(console.locator(".list-footer .error").first).to_contain_text("request id req-4711")
        await no_mark(console)
    await console.get_by_role("link", name="Settings").click()
    await console.get_by_role("link", name="Numbers").click()
    await console.get_by_role("button", name="Connect").click()
    await expect(console.locator(".account .error")).to_contain_text("request id req-4711")
    await console.get_by_role("button", name="Add a WhatsApp account").click()
    await console.get_by_label("Name", exact=True).fill("Front desk")
    await console.get_by_role("button", name="Continue").click()
    await expect(console.locator("dialog .error.box")).to_contain_text("cannot be done right now")
    await no_mark(console)
    backend.outage = None
    await console.keyboard.press("Escape")
    await console.get_by_role("button", name="Change password").click()
    await console.get_by_label("Password until now").fill("wrong")
    await console.get_by_label("New password").fill("too easy")
    await console.locator("dialog").get_by_role("button", name="Change password").click()
    await expect(console.locator("#old_password-error")).to_have_text("This is not your password until now.")
    await no_mark(console)


async def test_the_reason_of_a_refused_send_is_a_sentence(console: Page, backend: Backend) -> None:
    await console.goto("/#/inbox/v1")
    refusals: list[tuple[Record, str]] = [
        ({"code": "message_failed", "error": f"too_many_messages: {MARK}"}, "takes no more messages of this account"),
        ({"code": "rate_limited", "error": MARK, "retryAfter": 4.2, "retryable": True}, "Try again in 5 seconds."),
        ({"code": "instance_not_connected", "error": MARK}, "The account is not online."),
    ]
    for refusal, part in refusals:
        backend.refusal = refusal
        await console.get_by_label("Write a message", exact=True).fill(str(refusal["code"]))
        await console.keyboard.press("Enter")
        await expect(console.locator(".message.failed", has_text=str(refusal["code"]))).to_contain_text(part)
    await no_mark(console)
