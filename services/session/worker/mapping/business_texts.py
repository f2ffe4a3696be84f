"""The text of messages that are not plain text: templates, buttons, lists, products, orders, payments, … Pure.

Each function takes one field of a `waE2E.Message` and returns lines; `join_lines` makes one text of them.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from services.session.worker.mapping.protobufs import ContentProtobuf
from services.session.worker.mapping.vcards import format_card
from shared.text.bounded_text import MAX_TEXT, bounded_line, cut_roughly

Lines = Iterator[str]

MAX_OPTIONS = 100
"""Of one message, only so many buttons, rows, cards, contacts or answers are read."""
_LATEST_TIME_S = 4_102_444_800
"""Seconds since 1970 of 2100-01-01; later times are not shown."""
_UNREADABLE_KEYS = frozenset({"flow_token", "id", "wa_flow_response_params"})
"""Fields of a submitted form that only programs read."""


def join_lines(lines: Iterable[str]) -> str | None:
    """The distinct lines that are not empty, as one text; None: there is none."""
    distinct = dict.fromkeys(line for line in (line.strip() for line in lines) if line)
    return "\n".join(distinct) or None


def template(part: ContentProtobuf) -> Lines:
    yield from _four_row_template(part.hydratedFourRowTemplate)
    yield from _four_row_template(part.hydratedTemplate)
    yield from interactive(part.interactiveMessageTemplate)
    yield from highly_structured(part.fourRowTemplate.content)
    yield from highly_structured(part.fourRowTemplate.highlyStructuredMessage)
    yield from highly_structured(part.fourRowTemplate.footer)


def highly_structured(part: ContentProtobuf) -> Lines:
    if part.HasField("hydratedHsm"):
        yield from template(part.hydratedHsm)
    else:
        yield from part.params[:MAX_OPTIONS]


def buttons(part: ContentProtobuf) -> Lines:
    yield from (part.text, part.contentText, _place_name(part.locationMessage), part.footerText)
    yield from _bullets(button.buttonText.displayText for button in part.buttons[:MAX_OPTIONS])


def options_list(part: ContentProtobuf) -> Lines:
    yield from (part.title, part.description, part.footerText)
    for section in part.sections[:MAX_OPTIONS]:
        yield section.title
        yield from _bullets(_title_and_description(row.title, row.description) for row in section.rows[:MAX_OPTIONS])


def interactive(part: ContentProtobuf, depth: int = 0) -> Lines:
    yield from (part.header.title, part.header.subtitle)
    yield from product(part.header.productMessage)
    yield from (part.body.text, part.footer.text)
    yield from _bullets(_button_label(button) for button in part.nativeFlowMessage.buttons[:MAX_OPTIONS])
    if depth == 0:
        for card in part.carouselMessage.cards[:MAX_OPTIONS]:
            yield from interactive(card, depth + 1)


def interactive_reply(part: ContentProtobuf) -> Lines:
    yield part.body.text
    answers = _json_object(part.nativeFlowResponseMessage.paramsJSON)
    for name, value in list(answers.items())[:MAX_OPTIONS]:
        if name not in _UNREADABLE_KEYS and isinstance(value, str | int | float) and value != "":
            yield f"{name}: {value}"


def button_reply(part: ContentProtobuf) -> Lines:
    yield part.selectedDisplayText or part.selectedButtonID


def template_reply(part: ContentProtobuf) -> Lines:
    yield part.selectedDisplayText or part.selectedID


def list_reply(part: ContentProtobuf) -> Lines:
    yield from (part.title or part.singleSelectReply.selectedRowID, part.description)


def product(part: ContentProtobuf) -> Lines:
    item = part.product
    yield from (item.title, item.description, part.catalog.title, part.catalog.description)
    yield _format_amount_1000(item.salePriceAmount1000 or item.priceAmount1000, item.currencyCode)
    yield from (item.URL, part.body, part.footer)


def order(part: ContentProtobuf) -> Lines:
    yield from (part.orderTitle, part.message)
    yield f"{part.itemCount} ×" if part.itemCount > 0 else ""
    yield _format_amount_1000(part.totalAmount1000, part.totalCurrencyCode)


def event(part: ContentProtobuf) -> Lines:
    yield from (part.name, part.description, _format_time(part.startTime), _place_name(part.location), part.joinLink)


def event_invitation(part: ContentProtobuf) -> Lines:
    yield from (part.eventTitle, part.caption, _format_time(part.startTime), part.callLink)


def scheduled_call(part: ContentProtobuf) -> Lines:
    yield from (part.title, _format_time(part.scheduledTimestampMS // 1000))


def payment_request(part: ContentProtobuf) -> Lines:
    yield from _note_text(part.noteMessage)
    yield _format_amount_1000(part.amount1000, part.currencyCodeIso4217) or _format_money(part.amount)


def payment(part: ContentProtobuf) -> Lines:
    yield from _note_text(part.noteMessage)


def payment_reminder(part: ContentProtobuf) -> Lines:
    yield from (part.description, _format_money(part.amount))


def split_payment(part: ContentProtobuf) -> Lines:
    yield from (part.description, _format_money(part.totalAmount))


def poll(part: ContentProtobuf) -> Lines:
    yield part.name
    yield from _bullets(option.optionName for option in part.options[:MAX_OPTIONS])


def poll_result(part: ContentProtobuf) -> Lines:
    yield part.name
    yield from _bullets(f"{vote.optionName}: {vote.optionVoteCount}" for vote in part.pollVotes[:MAX_OPTIONS])


def contact(part: ContentProtobuf) -> Lines:
    yield format_card(part.displayName, part.vcard)


def contacts(part: ContentProtobuf) -> Lines:
    yield from (format_card(card.displayName, card.vcard) for card in part.contacts[:MAX_OPTIONS])
    if not part.contacts:
        yield part.displayName


def location(part: ContentProtobuf) -> Lines:
    yield f"{_place_name(part)} ({part.degreesLatitude}, {part.degreesLongitude})"
    yield from (getattr(part, "address", ""), getattr(part, "comment", ""))


def music(part: ContentProtobuf) -> Lines:
    yield " – ".join(word for word in (part.embeddedMusic.author, part.embeddedMusic.title) if word)


def rich_response(part: ContentProtobuf) -> Lines:
    yield from (piece.messageText for piece in part.submessages[:MAX_OPTIONS])


def from_fields(*names: str) -> Callable[[ContentProtobuf], Lines]:
    """A function that returns the texts of these fields."""
    return lambda part: (getattr(part, name) for name in names)


def _four_row_template(rows: ContentProtobuf) -> Lines:
    yield from (rows.hydratedTitleText, rows.hydratedContentText, rows.hydratedFooterText)
    labels = (
        button.quickReplyButton.displayText or button.urlButton.displayText or button.callButton.displayText
        for button in rows.hydratedButtons[:MAX_OPTIONS]
    )
    yield from _bullets(labels)


def _bullets(labels: Iterable[str]) -> Lines:
    return (f"• {bounded_line(label)}" for label in labels if label.strip())


def _title_and_description(title: str, description: str) -> str:
    return f"{title}: {description}" if title and description else title or description


def _button_label(button: ContentProtobuf) -> str:
    label = _json_object(button.buttonParamsJSON).get("display_text")
    return label if isinstance(label, str) else ""


def _json_object(text: str) -> dict[str, object]:
    if len(text) > MAX_TEXT:
        return {}
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _note_text(message: ContentProtobuf) -> Lines:
    yield from (message.conversation, message.extendedTextMessage.text)


def _place_name(part: ContentProtobuf) -> str:
    return bounded_line(getattr(part, "name", "") or getattr(part, "caption", ""))


def _format_time(seconds: int) -> str:
    if not 0 < seconds < _LATEST_TIME_S:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _format_amount_1000(amount: int, currency: str) -> str:
    return f"{bounded_line(currency, 8)} {amount / 1000:.2f}".strip() if amount > 0 else ""


def _format_money(money: ContentProtobuf) -> str:
    if money.value <= 0:
        return ""
    value = money.value / money.offset if money.offset > 0 else float(money.value)
    return f"{bounded_line(cut_roughly(money.currencyCode, 8), 8)} {value:.2f}".strip()
