"""Parses the content of the library's `Message`: every field has a role, and the text of every kind is found."""

from typing import Any

import pytest

from services.session.worker.mapping.message_content import CONTENT_FIELDS, MessageContent, parse_content
from services.session.worker.mapping.message_fields import FIELD_ROLES, WRAPPER_FIELDS, FieldRole
from services.session.worker.mapping.utf8_repair import repair_strings
from shared.contracts.message_parts import Referral
from tests.unit.session.kinds import KINDS, WORDS, comment
from tests.unit.session.messages import e2e

FIELDS = {field.name: field for field in e2e.Message.DESCRIPTOR.fields}


def with_empty_field(name: str) -> Any:
    """A message with one field, which is set and empty."""
    body = e2e.Message()
    if FIELDS[name].message_type is None:
        setattr(body, name, "")
    else:
        getattr(body, name).SetInParent()
    return body


def parsed(body: Any) -> MessageContent:
    content = parse_content(body)
    assert isinstance(content, MessageContent), content
    return content


def test_every_field_of_the_library_is_content_or_has_another_role() -> None:
    assert CONTENT_FIELDS.isdisjoint(FIELD_ROLES)
    assert CONTENT_FIELDS | set(FIELD_ROLES) == set(FIELDS), "add the new fields to message_content.py"


def test_every_field_with_a_future_proof_message_is_a_wrapper() -> None:
    holders = {
        name for name, field in FIELDS.items() if getattr(field.message_type, "name", "") == "FutureProofMessage"
    }
    assert holders <= WRAPPER_FIELDS
    assert all("message" in FIELDS[name].message_type.fields_by_name for name in WRAPPER_FIELDS)


@pytest.mark.parametrize("name", sorted(WRAPPER_FIELDS))
def test_the_content_of_a_wrapper_is_that_of_the_inner_message(name: str) -> None:
    body = e2e.Message()
    getattr(body, name).message.ephemeralMessage.message.extendedTextMessage.text = "inside"
    assert (parsed(body).type, parsed(body).text) == ("text", "inside")


@pytest.mark.parametrize("name", sorted(CONTENT_FIELDS))
def test_every_content_field_has_a_type(name: str) -> None:
    assert parsed(with_empty_field(name)).type


@pytest.mark.parametrize("name", [name for name, role in FIELD_ROLES.items() if role is FieldRole.PROTOCOL])
def test_protocol_fields_have_no_content_also_inside_a_wrapper(name: str) -> None:
    body, wrapper = with_empty_field(name), e2e.Message()
    if name == "protocolMessage":
        body.protocolMessage.type = body.protocolMessage.EPHEMERAL_SETTING
    wrapper.groupMentionedMessage.message.CopyFrom(body)
    assert isinstance(parse_content(body), str)
    assert isinstance(parse_content(wrapper), str)


def test_metadata_does_not_hide_a_text() -> None:
    body = e2e.Message(conversation="hello")
    body.messageContextInfo.deviceListMetadataVersion = 2
    body.senderKeyDistributionMessage.groupID = "g"
    assert parsed(body).text == "hello"


def test_an_unknown_field_is_unsupported_content() -> None:
    future = e2e.Message.FromString(b"\xe2\x0c\x07\x0a\x05hello")
    future.messageContextInfo.deviceListMetadataVersion = 2
    wrapper = e2e.Message()
    wrapper.ephemeralMessage.message.CopyFrom(future)
    assert (parsed(future).type, parsed(wrapper).type, parsed(wrapper).text) == ("unsupported", "unsupported", None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_text(kind: str) -> None:
    fill, type_, text = KINDS[kind]
    body = e2e.Message()
    fill(body)
    assert (parsed(body).type, parsed(body).text) == (type_, text)


def test_a_comment_has_the_id_of_its_message() -> None:
    body = e2e.Message()
    comment(body)
    assert parsed(body).quoted_wa_id == "3EB0"


@pytest.mark.parametrize(
    "json", ["[" * 60_000, "{", "7", "null", '{"display_text": {"a": 1}}', "x" * 100_000, "\ufffd"]
)
def test_unusable_json_leaves_the_other_text(json: str) -> None:
    body, reply = e2e.Message(), e2e.Message()
    body.interactiveMessage.body.text = WORDS
    body.interactiveMessage.nativeFlowMessage.buttons.add().buttonParamsJSON = json
    reply.interactiveResponseMessage.body.text = WORDS
    reply.interactiveResponseMessage.nativeFlowResponseMessage.paramsJSON = json
    assert parsed(body).text == WORDS
    assert str(parsed(reply).text).startswith(WORDS)


def test_absurd_numbers_leave_the_other_text() -> None:
    body = e2e.Message()
    body.eventMessage.name, body.eventMessage.startTime = WORDS, 2**62
    assert parsed(body).text == WORDS
    body = e2e.Message()
    body.scheduledCallCreationMessage.title, body.scheduledCallCreationMessage.scheduledTimestampMS = WORDS, -5
    assert parsed(body).text == WORDS


CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;João;;;\r\nFN:João\r\n{tel}\r\nEND:VCARD"


@pytest.mark.parametrize(
    ("tel", "text"),
    [
        ("TEL;type=CELL;waid=5511988887777:+55 11 98888-7777", "João: +55 11 98888-7777"),
        ("item1.TEL:+55 11 98888-7777\r\nitem1.X-ABLabel:Celular", "João: +55 11 98888-7777"),
        ("TEL;VALUE=uri:tel:+55-11-98888-7777", "João: +55-11-98888-7777"),
        ("TEL;waid=5511988887777:", "João: +5511988887777"),
        ("tel;type=cell:+55 11 98888\r\n -7777", "João: +55 11 98888-7777"),
        ("TEL:+551\r\nTEL:+552\r\nTEL:+551", "João: +551, +552"),
        ("EMAIL:a@b.example", "João"),
    ],
)
def test_a_contact_card_has_its_numbers(tel: str, text: str) -> None:
    body = e2e.Message()
    body.contactMessage.vcard = CARD.format(tel=tel)
    assert (parsed(body).type, parsed(body).text) == ("contact", text)


def test_several_cards_have_every_name_and_number() -> None:
    body = e2e.Message()
    body.contactsArrayMessage.displayName = "2 contacts"
    for name, number in (("João", "1"), ("Zé", "2")):
        card = body.contactsArrayMessage.contacts.add()
        card.displayName, card.vcard = name, CARD.format(tel=f"TEL:+55 {number}")
    assert parsed(body).text == "João: +55 1\nZé: +55 2"


def test_only_the_beginning_of_a_huge_card_is_parsed() -> None:
    body = e2e.Message()
    body.contactMessage.vcard = CARD.format(tel="\r\n".join(f"TEL:+55{number}" for number in range(100_000)))
    assert len(str(parsed(body).text)) < 1_000


@pytest.mark.parametrize("name", ["extendedTextMessage", "imageMessage", "stickerMessage", "locationMessage"])
def test_a_tapped_advertisement_is_the_referral(name: str) -> None:
    body = e2e.Message()
    ad = getattr(body, name).contextInfo.externalAdReply
    ad.title, ad.body, ad.sourceURL, ad.sourceID, ad.sourceType, ad.ctwaClid = "Promo", "b", "u", "1202", "ad", "AR"
    assert parsed(body).referral == Referral(
        source_type="ad", source_id="1202", source_url="u", headline="Promo", body="b", ctwa_clid="AR"
    )


def test_a_link_preview_is_no_referral() -> None:
    body = e2e.Message()
    body.extendedTextMessage.text = "https://example.org"
    body.extendedTextMessage.contextInfo.externalAdReply.title = "Example"
    body.extendedTextMessage.contextInfo.externalAdReply.sourceURL = "https://example.org"
    assert parsed(body).referral is None


def test_invalid_utf8_is_replaced_in_every_field() -> None:
    cut = "quero 😀".encode()[:-1]
    plain = e2e.Message.FromString(b"\x0a" + bytes([len(cut)]) + cut)
    nested = e2e.Message.FromString(b"\xc2\x02" + bytes([len(cut) + 4, 0x0A, len(cut) + 2, 0x0A, len(cut)]) + cut)
    assert parsed(repair_strings(plain)).text == "quero \ufffd"
    assert parsed(repair_strings(nested)).text == "quero \ufffd"
    rows = b"\x0a" + bytes([len(cut)]) + cut
    repeated = e2e.HighlyStructuredMessage.FromString(b"\x1a" + rows[1:] + b"\x1a" + rows[1:])
    assert list(repair_strings(repeated).params) == ["quero \ufffd", "quero \ufffd"]


def test_a_plain_text_keeps_every_line_and_blank() -> None:
    text = "  a\n\na\n b "
    assert parsed(e2e.Message(conversation=text)).text == text
    assert parsed(e2e.Message(extendedTextMessage=e2e.ExtendedTextMessage(text=text))).text == text
