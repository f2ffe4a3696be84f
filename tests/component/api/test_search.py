"""Message search by parts of words, ignoring accents, in the own organization only."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.api.views import message_search
from services.api.views.list_search import MAX_VOCABULARY_WORDS
from services.api.views.message_search import MessageFilter
from services.api.views.pagination import PageRequest
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document, ExecutionTimeout
from tests.component.api.conftest import Api, Member, make_searchable
from tests.component.api.test_keys import created
from tests.nats_messages import MESSAGES

NOW = utc_now()
TEXTS = (
    "Café amanhã às 15h?",
    "cafe com açúcar",
    "No coffee, don't ask",
    "Über den Wolken",
    "call me: +49 151 12345678",
    None,
)


@pytest.fixture
async def stored_messages(api: Api, member: Member, records: Callable[..., Document]) -> list[Document]:
    """The newest first."""
    messages = [records(text=text, timestamp=NOW - timedelta(seconds=age)) for age, text in enumerate(TEXTS)]
    await api.database.messages.insert_many(messages)
    await make_searchable(api.database)
    return messages


async def texts(member: Member, **query: Any) -> list[str]:
    return [message["text"] for message in (await member.get("/api/messages", **query))["data"]]


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        ("cafe", [0, 1]),
        ("CAFÉ", [0, 1]),
        ("acucar cafe", [1]),
        ("coffee cafe", []),
        ("caf", [0, 1]),
        ("AF amanh", [0]),
        ("ffe", [2]),
        ("n't", [2]),
        ("n’t", [2]),
        ("4915112345678", []),
        ("+49 151 12345678", [4]),
        ("1234-5678", []),
        ("uber", [3]),
        ("don't", [2]),
        ("-coffee", [2]),
        ('"coffee', [2]),
        ("12345678", [4]),
        ("15h?", [0]),
    ],
)
async def test_messages_are_found_by_parts_of_words_without_accents_or_case(
    member: Member, stored_messages: list[Document], search: str, wanted: list[int]
) -> None:
    assert await texts(member, search=search) == [stored_messages[number]["text"] for number in wanted]


async def test_a_search_continues_after_its_cursor(member: Member, stored_messages: list[Document]) -> None:
    first = await member.get("/api/messages", search="cafe", limit=1)
    second = await member.get("/api/messages", search="cafe", limit=1, cursor=first["next_cursor"])
    assert [message["id"] for message in first["data"] + second["data"]] == [
        stored_messages[0]["_id"],
        stored_messages[1]["_id"],
    ]
    assert second["next_cursor"] is None


async def test_messages_of_other_organizations_are_not_found(
    api: Api, stranger: Member, stored_messages: list[Document]
) -> None:
    assert stored_messages
    assert await texts(stranger, search="cafe") == []


async def test_a_blank_search_is_no_search(member: Member, stored_messages: list[Document]) -> None:
    assert len(await texts(member, search=" ")) == len(stored_messages)


@pytest.mark.parametrize("search", ["?!", '"', "\\ -", ".*", "—", "¡¿"])
async def test_a_search_without_a_word_is_refused(member: Member, search: str) -> None:
    answer = await member.http.get("/api/messages", params={"search": search})
    assert (answer.status_code, answer.json()["code"]) == (422, "nothing_to_search")


async def test_notes_are_searched_too(api: Api, member: Member, records: Callable[..., Document]) -> None:
    await api.database.messages.insert_one(records(_id=new_id(), kind="note", text="buy sugar"))
    await make_searchable(api.database)
    assert await texts(member, search="sugar", kind="note") == ["buy sugar"]
    assert await texts(member, search="sugar", kind="message") == []


async def test_stuck_messages_are_listed(api: Api, member: Member, records: Callable[..., Document]) -> None:
    ours = {"direction": "outbound", "status": "queued"}
    waiting, moving = records(**ours, text="stuck", stuck_since=NOW), records(**ours, text="moving")
    await api.database.messages.insert_many([waiting, moving])
    assert await texts(member, stuck=True) == ["stuck"]
    assert await texts(member, stuck=False) == ["moving"]
    assert (await member.get(f"/api/messages/{waiting['_id']}"))["data"]["stuck_since"] is not None


async def test_before_the_router_created_the_index_search_answers_503(api: Api, member: Member) -> None:
    """Of words so common that all messages are walked through."""
    name = f"new_{new_id()[:8]}"
    database = api.database.client[name]
    words = " ".join(f"cafe{number}" for number in range(MAX_VOCABULARY_WORDS + 1))
    await database.messages.insert_one({"_id": new_id(), "organization_id": member.organization_id, "text": words})
    await make_searchable(database)
    with pytest.raises(Problem) as refused:
        await message_search.search_messages(
            database, member.organization_id, PageRequest(10), MessageFilter(search="cafe")
        )
    await database.client.drop_database(name)
    assert (refused.value.status, refused.value.code) == (503, "search_not_ready")


async def test_a_search_that_takes_too_long_is_aborted(
    api: Api, member: Member, stored_messages: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stored_messages

    async def slow(*_args: object) -> None:
        raise ExecutionTimeout("operation exceeded time limit")

    monkeypatch.setattr(message_search, "read_matching_page", slow)
    answer = await member.http.get("/api/messages", params={"search": "cafe"})
    assert (answer.status_code, answer.json()["code"]) == (503, "search_timeout")


SCRIPTS = {
    "Müller aus Straßburg": ("mull", "ULLER", "stras", "STRASSB", "ß", "ssburg"),
    "GRÜßE AUS İSTANBUL ve Isparta, ılık": ("grusse", "istanbul", "ısp", "ilik"),
    "Conceição comprou ação": ("ção", "CEICAO", "acao"),
    "Łódź i Đurđevac, smørrebrød": ("lodz", "durde", "smorre", "brød"),
    "明天晚上我想预订四个人的桌子": ("明天", "预订", "桌子", "晚上我想", "桌"),
    "病院は機能していない。いちにさん": ("病院", "いち", "にさん", "機能して", "は"),
    "ｶﾞｯｺｳ と カタカナ": ("ガッコウ", "ｶﾞｯ", "タカ"),
    "สวัสดีครับ ผมต้องการจองโต๊ะ": ("จอง", "สวัสดี", "โตะ"),
    "한국어로 예약하고 싶어요": ("예약", "하고", "싶", "한국"),
    "مُحَمَّد يريد حجز طاولة ٤": ("محمد", "مُحَمَّد", "حجز", "4", "طاوله"),
    "मुझे टेबल चाहिए": ("टेबल", "मुझे", "चाह"),
    "ＡＢＣ１２３ and ① item": ("abc123", "ABC", "１２３", "23"),
    "see https://example.org/a/path?x=1": ("example.org/a/path", "ample", "?x=1", "org/a"),
    "great 👍🏽 👨‍👩‍👧": ("👍", "👍🏿", "👨‍👩‍👧", "👩"),
    "a" + "\u0301" * 100 + "gua": ("agua", "á"),
    "a key " + "k3y" * 40: ("k3yk3yk3yk3yk3yk3yk3yk3yk3yk3y", "3yk"),
    "call +4915112345678": ("\u202a+4915112345678\u202c", "+49\u00a0151"),
    "می\u200cخواهم رزرو کنم": ("میخواهم", "می\u200cخواهم", "كنم"),
    "soft\u00adhyphen zero\u200bwidth": ("softhy", "zerowidth"),
    "C:\\temp (a+b)* $5.00 ^x|y{2}[z]": ("(a+b)*", "C:\\temp", "$5.00", "^x|y{2}[z]", "5.0"),
}


async def test_every_script_and_sign_is_found_by_its_parts(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    await api.database.messages.insert_many([records(text=text) for text in SCRIPTS])
    await make_searchable(api.database)
    wrongs = [
        (text, search, message_search)
        for text, searches in SCRIPTS.items()
        for search in searches
        if text not in (message_search := await texts(member, search=search))
    ]
    assert wrongs == []


@pytest.mark.parametrize(
    "search",
    [
        "a.c",
        "c|f",
        "caf.c",
        "c[aou]f",
        "(?i)cafe",
        "c\\w+e",
        "$where",
        "a" * 100,
        "caf\u0301\u0301x",
        "ｃａｆｅx",
        "\U0001f9ff",
        "カ",
        "ﷺ" * 30,
        "e\u0301" * 50,
    ],
)
async def test_a_search_is_not_a_regular_expression(
    member: Member, stored_messages: list[Document], search: str
) -> None:
    assert await texts(member, search=search) == []


@pytest.mark.parametrize("search", ["\x00", "a\x00b", "a\nb", "\x85", "\ud800"])
async def test_control_characters_are_refused_or_ignored(api: Api, member: Member, search: str) -> None:
    if search != "\ud800":  # it has no UTF-8
        for path in ("/api/messages", "/api/contacts", "/api/conversations", "/api/bookings"):
            answer = await member.http.get(path, params={"search": search})
            assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), path
    address = MESSAGES.ListMessages(organization_id=member.organization_id).full_subject
    body = json.dumps({"search": search}).encode()
    answer = json.loads((await api.nats.request(address, body, timeout=10)).data)
    assert answer["success"] or answer["status"] == 422


async def test_only_the_beginning_of_a_text_is_searched(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    text = f"beginning {'filler ' * 1_000} ending"
    await api.database.messages.insert_one(records(text=text))
    await make_searchable(api.database)
    assert await texts(member, search="beginning") == [text]
    assert await texts(member, search="ending") == []


async def test_a_deleted_message_is_not_found(api: Api, member: Member, records: Callable[..., Document]) -> None:
    await api.database.messages.insert_one(records(text="cafe", revoked_at=NOW))
    await make_searchable(api.database)
    assert await texts(member, search="cafe") == []


async def test_a_part_that_many_words_have_is_found_page_by_page(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    """More words than are looked up one by one; every third message has one, and a signed word besides."""
    wordings = (f"no{number}x a-b" if number % 3 else f"ok{number}" for number in range(700))
    stored_messages = [records(text=text, order_key=number) for number, text in enumerate(wordings)]
    await api.database.messages.insert_many(stored_messages)
    await make_searchable(api.database)
    wanted = [f"no{number}x a-b" for number in range(699, -1, -1) if number % 3]
    for search in ("no", "N", "x no", "a-b"):
        query: dict[str, Any] = {"search": search, "limit": 200}
        message_search: list[str] = []
        while query.get("cursor", "") is not None:
            answer = await member.get("/api/messages", **query)
            message_search += [message["text"] for message in answer["data"]]
            query["cursor"] = answer["next_cursor"]
        assert message_search == wanted, search
    assert await texts(member, search="no ok") == []


async def test_a_search_can_be_limited_to_one_conversation(
    api: Api, member: Member, stranger: Member, records: Callable[..., Document]
) -> None:
    here, there = new_id(), new_id()
    stored_messages = [records(text=f"cafe {place}", conversation_id=place) for place in (here, there)]
    await api.database.messages.insert_many(stored_messages)
    await make_searchable(api.database)
    assert await texts(member, search="caf", conversation_id=here) == [f"cafe {here}"]
    assert await texts(member, conversation_id=there) == [f"cafe {there}"]
    assert await texts(stranger, search="caf", conversation_id=here) == []
    question = MESSAGES.ListMessages(organization_id=member.organization_id, search="AFE", conversation_id=here)
    assert [item["text"] for item in (await rpc_request(api.nats, question))["data"]] == [f"cafe {here}"]


async def test_a_search_can_be_limited_to_one_instance(
    api: Api, member: Member, stranger: Member, records: Callable[..., Document]
) -> None:
    here, there = await member.instance(), await member.instance()
    stored_messages = [records(text=f"cafe {place}", instance_id=place) for place in (here, there)]
    await api.database.messages.insert_many(stored_messages)
    await make_searchable(api.database)
    assert await texts(member, search="caf", instance_id=here) == [f"cafe {here}"]
    assert await texts(member, instance_id=there) == [f"cafe {there}"]
    assert await texts(stranger, search="caf", instance_id=here) == []
    question = MESSAGES.ListMessages(organization_id=member.organization_id, instance_id=here, search="AFE")
    assert [item["text"] for item in (await rpc_request(api.nats, question))["data"]] == [f"cafe {here}"]
    key = (await created(member, "read", instance_ids=[here]))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        for instance_id, found in ((here, 1), (there, 0)):
            answer = await http.get("/api/messages", params={"search": "caf", "instance_id": instance_id})
            assert len(answer.json()["data"]) == found
