"""Parses stanzas of the library's log; nobody can forge one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.session.worker.library.stanzas import (
    LoginFailure,
    StanzaParseError,
    chat_presence_from,
    login_failure_from,
    parse_stanza,
    receipts_from,
)
from services.session.worker.preload import preload_protobufs

preload_protobufs()
OWN_USERS = frozenset({"4915112345678", "77"})
TYPES = {
    "": "DELIVERED",
    "sender": "SENDER",
    "read": "READ",
    "read-self": "READ_SELF",
    "played": "PLAYED",
    "played-self": "PLAYED_SELF",
    "inactive": "INACTIVE",
    "peer_msg": "PEER_MSG",
    "hist_sync": "HISTORY_SYNC",
    "server-error": "SERVER_ERROR",
    "retry": "RETRY",
}


def receipts(line: str) -> list[Any]:
    return receipts_from(parse_stanza(line), OWN_USERS)


def kind_of(receipt: Any) -> str:
    return str(receipt.DESCRIPTOR.fields_by_name["Type"].enum_type.values_by_number[receipt.Type].name)


@pytest.mark.parametrize(("kind", "name"), TYPES.items())
def test_every_type_of_receipt_has_its_event(kind: str, name: str) -> None:
    type_ = f' type="{kind}"' if kind else ""
    (receipt,) = receipts(f'<receipt from="5:2@lid" id="A" t="1700000000"{type_}/>')
    source = receipt.MessageSource
    assert (kind_of(receipt), list(receipt.MessageIDs), receipt.Timestamp) == (name, ["A"], 1_700_000_000)
    assert (source.Sender.User, source.Sender.Device, source.Chat.User, source.Chat.Device) == ("5", 2, "5", 0)
    assert (source.Sender.Server, source.IsFromMe, source.IsGroup) == ("lid", False, False)
    assert receipt.IsInitialized()


@pytest.mark.parametrize("kind", ["enc_rekey_retry", "view", "of-tomorrow"])
def test_an_unknown_type_of_receipt_is_no_event(kind: str) -> None:
    assert receipts(f'<receipt from="5@lid" id="A" t="1" type="{kind}"/>') == []


def test_a_receipt_of_many_messages_has_all_their_ids() -> None:
    (receipt,) = receipts('<receipt from="5@lid" id="A" t="1"><list><item id="B"/><item id="C"/></list></receipt>')
    assert list(receipt.MessageIDs) == ["A", "B", "C"]


def test_a_receipt_of_the_owner_has_the_chat_that_was_read() -> None:
    (receipt,) = receipts('<receipt from="77:3@lid" id="A" recipient="5@lid" t="1" type="read"/>')
    source = receipt.MessageSource
    assert (source.IsFromMe, source.Chat.User, source.Sender.User) == (True, "5", "77")


def test_the_sender_of_a_receipt_in_a_group_is_the_participant() -> None:
    (receipt,) = receipts('<receipt from="1-2@g.us" id="A" participant="5@lid" t="1" type="read"/>')
    source = receipt.MessageSource
    assert (source.IsGroup, source.Chat.Server, source.Sender.User) == (True, "g.us", "5")


def test_grouped_receipts_are_split() -> None:
    users = '<user jid="5@lid" t="1"/><user jid="6@lid" t="2"/>'
    line = f'<receipt from="1@g.us" id="A" t="1"><participants key="M">{users}</participants></receipt>'
    parsed = [(list(r.MessageIDs), r.MessageSource.Sender.User, r.Timestamp) for r in receipts(line)]
    assert parsed == [(["M"], "5", 1), (["M"], "6", 2)]


@pytest.mark.parametrize(("media", "medium"), [("", 1), ("audio", 2), ("video", 1), ("of_tomorrow", 1)])
def test_every_medium_is_mapped(media: str, medium: int) -> None:
    attribute = f' media="{media}"' if media else ""
    typing: Any = chat_presence_from(
        parse_stanza(f'<chatstate from="5@lid"><composing{attribute}/></chatstate>'), OWN_USERS
    )
    assert (typing.Media, typing.State, typing.MessageSource.Sender.User) == (medium, 1, "5")
    assert typing.IsInitialized()


def test_an_unknown_state_is_no_event() -> None:
    assert chat_presence_from(parse_stanza('<chatstate from="5@lid"><dreaming/></chatstate>'), OWN_USERS) is None


@pytest.mark.parametrize("number", [401, 403, 405, 406, 500, 503])
def test_failures_that_the_library_reports_are_left_to_it(number: int) -> None:
    assert login_failure_from(parse_stanza(f'<failure location="cln" reason="{number}"/>')) is None


@pytest.mark.parametrize("number", [400, 402, 404, 409, 411, 413, 414, 415, 418, 463, 501, 599, 999])
def test_every_other_failure_is_a_refused_login(number: int) -> None:
    assert login_failure_from(parse_stanza(f'<failure reason="{number}"/>')) == LoginFailure(number)


def test_a_temporary_ban_has_its_code_and_duration() -> None:
    failure = login_failure_from(parse_stanza('<failure code="107" expire="3600" message="no" reason="402"/>'))
    assert failure == LoginFailure(402, 107, 3600, "no")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "receipt",
        "<receipt",
        '<receipt from="5@lid" id="A" t="1">',
        "<a></b>",
        "<a/><b/>",
        "</a>",
        "<a/> more",
        '<receipt from="5@lid" id="A" t="soon"/>',
        '<receipt from="5@lid" id="A"/>',
        '<receipt from="@@" id="A" t="1"/>',
        "<failure/>",
        '<failure reason="x"/>',
        "<a>" * 100 + "</a>" * 100,
    ],
)
def test_a_line_that_is_no_stanza_raises(line: str) -> None:
    read = login_failure_from if line.startswith("<failure") else lambda stanza: receipts_from(stanza, OWN_USERS)
    with pytest.raises(StanzaParseError):
        read(parse_stanza(line))


FORGERIES = [
    'A" t="1" type="read',
    'A" type="read',
    'A" participant="77@lid" t="1" type="read',
    'A" t="1"/><receipt from="6@lid" id="B',
    'A<receipt from="6@lid" id="B" t="1" type="read"/>',
    'A" t="1" type="read"/>',
    'A"><receipt from="6@lid" id="B" t="1"/></receipt>',
    'A" from="6@lid',
    'A" t="1"><participants key="B"><user jid="6@lid" t="1"/></participants></receipt>',
]


@pytest.mark.parametrize("id_", FORGERIES)
def test_an_id_that_pretends_to_be_attributes_raises(id_: str) -> None:
    with pytest.raises(StanzaParseError):
        receipts(f'<receipt from="5@lid" id="{id_}" t="1700000000" type="read"/>')


@pytest.mark.parametrize("attribute", ["participant", "recipient", "sender_pn", "sender_lid", "offline"])
def test_an_attribute_that_can_be_forged_changes_nothing(attribute: str) -> None:
    plain = receipts('<receipt from="5@lid" id="A" t="1700000000"/>')
    forged = receipts(f'<receipt from="5@lid" id="A" {attribute}="6@lid" t="1700000000"/>')
    assert forged == plain


FRAGMENTS = [
    '"',
    " ",
    "<",
    ">",
    "/>",
    "=",
    '" t="1',
    '" type="read',
    ' from="6@lid"',
    "<receipt",
    "</receipt>",
    "A",
    "<list>",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join), st.booleans())
def test_no_id_makes_a_receipt_of_another_sender(id_: str, typed: bool) -> None:
    line = (
        f'<receipt from="5@lid" id="{id_}" t="1700000000"{" type=" + chr(34) + "played" + chr(34) if typed else ""}/>'
    )
    try:
        parsed = receipts(line)
    except StanzaParseError:
        return
    for receipt in parsed:
        source = receipt.MessageSource
        assert (source.Sender.User, source.Chat.User, source.IsFromMe) == ("5", "5", False)
        assert kind_of(receipt) == ("PLAYED" if typed else "DELIVERED")
        assert not source.SenderAlt.User
