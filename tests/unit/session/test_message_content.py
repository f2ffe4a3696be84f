"""What a `Message` of the library says: every field has a meaning, and the words of every kind are read."""

from typing import Any

import pytest

from services.session.worker.mapping.message_content import MessageContent, parse_content
from services.session.worker.mapping.message_fields import FIELD_ROLES, WRAPPER_FIELDS, FieldRole
from services.session.worker.mapping.utf8_repair import repair_strings
from shared.contracts.message_parts import Referral
from tests.unit.session.kinds import KINDS, WORDS, comment
from tests.unit.session.messages import e2e

FIELDS = {field.name: field for field in e2e.Message.DESCRIPTOR.fields}


def present(name: str) -> Any:
    """A message with one field that is there and empty."""
    body = e2e.Message()
    if FIELDS[name].message_type is None:
        setattr(body, name, "")
    else:
        getattr(body, name).SetInParent()
    return body


def read(body: Any) -> MessageContent:
    content = parse_content(body)
    assert isinstance(content, MessageContent), content
    return content


def test_every_field_of_the_library_has_a_meaning() -> None:
    assert set(FIELD_ROLES) == set(FIELDS), "write down in message_fields.py what the new fields are"


def test_what_holds_a_future_proof_message_is_a_wrapper() -> None:
    holders = {
        name for name, field in FIELDS.items() if getattr(field.message_type, "name", "") == "FutureProofMessage"
    }
    assert holders <= WRAPPER_FIELDS
    assert all("message" in FIELDS[name].message_type.fields_by_name for name in WRAPPER_FIELDS)


@pytest.mark.parametrize("name", sorted(WRAPPER_FIELDS))
def test_what_is_inside_a_wrapper_counts(name: str) -> None:
    body = e2e.Message()
    getattr(body, name).message.ephemeralMessage.message.extendedTextMessage.text = "inside"
    assert (read(body).type, read(body).text) == ("text", "inside")


@pytest.mark.parametrize("name", [name for name, meaning in FIELD_ROLES.items() if meaning is FieldRole.CONTENT])
def test_every_field_that_somebody_wrote_becomes_a_line(name: str) -> None:
    assert read(present(name)).type


@pytest.mark.parametrize("name", [name for name, meaning in FIELD_ROLES.items() if meaning is FieldRole.PROTOCOL])
def test_what_programs_tell_each_other_becomes_no_line_also_inside_a_wrapper(name: str) -> None:
    body, wrapped = present(name), e2e.Message()
    if name == "protocolMessage":
        body.protocolMessage.type = body.protocolMessage.EPHEMERAL_SETTING
    wrapped.groupMentionedMessage.message.CopyFrom(body)
    assert isinstance(parse_content(body), str)
    assert isinstance(parse_content(wrapped), str)


def test_metadata_beside_a_text_does_not_hide_it() -> None:
    body = e2e.Message(conversation="hello")
    body.messageContextInfo.deviceListMetadataVersion = 2
    body.senderKeyDistributionMessage.groupID = "g"
    assert read(body).text == "hello"


def test_a_field_of_tomorrow_becomes_a_line_that_says_so() -> None:
    tomorrow = e2e.Message.FromString(b"\xe2\x0c\x07\x0a\x05hello")
    tomorrow.messageContextInfo.deviceListMetadataVersion = 2
    wrapped = e2e.Message()
    wrapped.ephemeralMessage.message.CopyFrom(tomorrow)
    assert (read(tomorrow).type, read(wrapped).type, read(wrapped).text) == ("unsupported", "unsupported", None)


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_of_a_kind_are_read(kind: str) -> None:
    fill, type_, text = KINDS[kind]
    body = e2e.Message()
    fill(body)
    assert (read(body).type, read(body).text) == (type_, text)


def test_a_comment_names_the_message_it_is_about() -> None:
    body = e2e.Message()
    comment(body)
    assert read(body).quoted_wa_id == "3EB0"


@pytest.mark.parametrize(
    "json", ["[" * 60_000, "{", "7", "null", '{"display_text": {"a": 1}}', "x" * 100_000, "\ufffd"]
)
def test_parameters_that_are_no_usable_json_lose_only_themselves(json: str) -> None:
    body, reply = e2e.Message(), e2e.Message()
    body.interactiveMessage.body.text = WORDS
    body.interactiveMessage.nativeFlowMessage.buttons.add().buttonParamsJSON = json
    reply.interactiveResponseMessage.body.text = WORDS
    reply.interactiveResponseMessage.nativeFlowResponseMessage.paramsJSON = json
    assert read(body).text == WORDS
    assert str(read(reply).text).startswith(WORDS)


def test_absurd_numbers_lose_only_themselves() -> None:
    body = e2e.Message()
    body.eventMessage.name, body.eventMessage.startTime = WORDS, 2**62
    assert read(body).text == WORDS
    body = e2e.Message()
    body.scheduledCallCreationMessage.title, body.scheduledCallCreationMessage.scheduledTimestampMS = WORDS, -5
    assert read(body).text == WORDS


CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;João;;;\r\nFN:João\r\n{tel}\r\nEND:VCARD"


@pytest.mark.parametrize(
    ("tel", "shown"),
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
def test_a_contact_card_keeps_its_numbers(tel: str, shown: str) -> None:
    body = e2e.Message()
    body.contactMessage.vcard = CARD.format(tel=tel)
    assert (read(body).type, read(body).text) == ("contact", shown)


def test_several_cards_keep_every_name_and_number() -> None:
    body = e2e.Message()
    body.contactsArrayMessage.displayName = "2 contacts"
    for name, number in (("João", "1"), ("Zé", "2")):
        card = body.contactsArrayMessage.contacts.add()
        card.displayName, card.vcard = name, CARD.format(tel=f"TEL:+55 {number}")
    assert read(body).text == "João: +55 1\nZé: +55 2"


def test_a_huge_card_is_read_up_to_a_bound() -> None:
    body = e2e.Message()
    body.contactMessage.vcard = CARD.format(tel="\r\n".join(f"TEL:+55{number}" for number in range(100_000)))
    assert len(str(read(body).text)) < 1_000


@pytest.mark.parametrize("name", ["extendedTextMessage", "imageMessage", "stickerMessage", "locationMessage"])
def test_an_advertisement_that_was_tapped_is_named(name: str) -> None:
    body = e2e.Message()
    ad = getattr(body, name).contextInfo.externalAdReply
    ad.title, ad.body, ad.sourceURL, ad.sourceID, ad.sourceType, ad.ctwaClid = "Promo", "b", "u", "1202", "ad", "AR"
    assert read(body).referral == Referral(
        source_type="ad", source_id="1202", source_url="u", headline="Promo", body="b", ctwa_clid="AR"
    )


def test_the_preview_of_a_link_is_no_advertisement() -> None:
    body = e2e.Message()
    body.extendedTextMessage.text = "https://example.org"
    body.extendedTextMessage.contextInfo.externalAdReply.title = "Example"
    body.extendedTextMessage.contextInfo.externalAdReply.sourceURL = "https://example.org"
    assert read(body).referral is None


def test_invalid_utf8_is_replaced_wherever_it_stands() -> None:
    cut = "quero 😀".encode()[:-1]
    plain = e2e.Message.FromString(b"\x0a" + bytes([len(cut)]) + cut)
    nested = e2e.Message.FromString(b"\xc2\x02" + bytes([len(cut) + 4, 0x0A, len(cut) + 2, 0x0A, len(cut)]) + cut)
    assert read(repair_strings(plain)).text == "quero \ufffd"
    assert read(repair_strings(nested)).text == "quero \ufffd"
    rows = b"\x0a" + bytes([len(cut)]) + cut
    repeated = e2e.HighlyStructuredMessage.FromString(b"\x1a" + rows[1:] + b"\x1a" + rows[1:])
    assert list(repair_strings(repeated).params) == ["quero \ufffd", "quero \ufffd"]


def test_a_reading_of_a_whole_text_keeps_every_line_and_blank() -> None:
    text = "  a\n\na\n b "
    assert read(e2e.Message(conversation=text)).text == text
    assert read(e2e.Message(extendedTextMessage=e2e.ExtendedTextMessage(text=text))).text == text
