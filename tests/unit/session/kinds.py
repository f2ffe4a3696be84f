"""A message of every kind whose text is in fields of its own, with its expected type and text."""

from collections.abc import Callable
from typing import Any

WORDS = "Seu pedido saiu"


def _template(body: Any) -> None:
    rows = body.templateMessage.hydratedFourRowTemplate
    rows.hydratedTitleText, rows.hydratedContentText, rows.hydratedFooterText = "Pedido", WORDS, "Loja"
    rows.hydratedButtons.add().quickReplyButton.displayText = "Obrigado"
    rows.hydratedButtons.add().urlButton.displayText = "Rastrear"


def _hydrated(body: Any) -> None:
    body.templateMessage.hydratedTemplate.hydratedContentText = WORDS


def _template_interactive(body: Any) -> None:
    body.templateMessage.interactiveMessageTemplate.body.text = WORDS


def _structured(body: Any) -> None:
    body.highlyStructuredMessage.hydratedHsm.hydratedFourRowTemplate.hydratedContentText = WORDS


def _buttons(body: Any) -> None:
    body.buttonsMessage.contentText = WORDS
    body.buttonsMessage.buttons.add().buttonText.displayText = "Sim"


def _list(body: Any) -> None:
    body.listMessage.title, body.listMessage.description = "Menu", WORDS
    row = body.listMessage.sections.add().rows.add()
    row.title, row.description = "Corte", "30 min"


def _interactive(body: Any) -> None:
    body.interactiveMessage.header.title, body.interactiveMessage.body.text = "Oferta", WORDS
    body.interactiveMessage.nativeFlowMessage.buttons.add().buttonParamsJSON = '{"display_text": "Comprar"}'


def _carousel(body: Any) -> None:
    for title in ("um", "dois"):
        body.interactiveMessage.carouselMessage.cards.add().body.text = f"{WORDS} {title}"


def _flow(body: Any) -> None:
    reply = body.interactiveResponseMessage
    reply.body.text = "Enviado"
    reply.nativeFlowResponseMessage.paramsJSON = '{"flow_token": "x", "nome": "Ana", "dia": 3, "odd": [1]}'


def _product(body: Any) -> None:
    product = body.productMessage.product
    product.title, product.currencyCode, product.priceAmount1000 = WORDS, "BRL", 12_500


def _order(body: Any) -> None:
    order = body.orderMessage
    order.orderTitle, order.message, order.itemCount = "Carrinho", WORDS, 2
    order.totalAmount1000, order.totalCurrencyCode = 20_000, "BRL"


def _event(body: Any) -> None:
    body.eventMessage.name, body.eventMessage.startTime = WORDS, 1_790_000_000
    body.eventMessage.location.name = "Praça"


def _payment_request(body: Any) -> None:
    request = body.requestPaymentMessage
    request.noteMessage.extendedTextMessage.text, request.currencyCodeIso4217, request.amount1000 = WORDS, "BRL", 10_000


def _split(body: Any) -> None:
    split = body.splitPaymentMessage
    split.description, split.totalAmount.value, split.totalAmount.offset = WORDS, 1050, 100
    split.totalAmount.currencyCode = "BRL"


def _poll(body: Any) -> None:
    body.pollCreationMessageV3.name = WORDS
    for option in ("Sim", "Não"):
        body.pollCreationMessageV3.options.add().optionName = option


def _rich(body: Any) -> None:
    for piece in (WORDS, "fim"):
        body.richResponseMessage.submessages.add().messageText = piece


def comment(body: Any) -> None:
    body.commentMessage.message.conversation, body.commentMessage.targetMessageKey.ID = WORDS, "3EB0"


def _music(body: Any) -> None:
    body.musicMessage.embeddedMusic.author, body.musicMessage.embeddedMusic.title = "Elis", WORDS


def field(name: str, path: str) -> Callable[[Any], None]:
    def fill(body: Any) -> None:
        setattr(getattr(body, name), path, WORDS)

    return fill


KINDS: dict[str, tuple[Callable[[Any], None], str, str]] = {
    "template": (_template, "template", f"Pedido\n{WORDS}\nLoja\n• Obrigado\n• Rastrear"),
    "hydrated template": (_hydrated, "template", WORDS),
    "interactive template": (_template_interactive, "template", WORDS),
    "structured message": (_structured, "template", WORDS),
    "buttons": (_buttons, "buttons", f"{WORDS}\n• Sim"),
    "list": (_list, "list", f"Menu\n{WORDS}\n• Corte: 30 min"),
    "interactive": (_interactive, "interactive", f"Oferta\n{WORDS}\n• Comprar"),
    "carousel": (_carousel, "interactive", f"{WORDS} um\n{WORDS} dois"),
    "tap on a button": (field("buttonsResponseMessage", "selectedDisplayText"), "button_reply", WORDS),
    "tap on a button without a label": (field("buttonsResponseMessage", "selectedButtonID"), "button_reply", WORDS),
    "tap on a template": (field("templateButtonReplyMessage", "selectedDisplayText"), "button_reply", WORDS),
    "tap on a list": (field("listResponseMessage", "title"), "list_reply", WORDS),
    "answers of a form": (_flow, "interactive_response", "Enviado\nnome: Ana\ndia: 3"),
    "product": (_product, "product", f"{WORDS}\nBRL 12.50"),
    "order": (_order, "order", f"Carrinho\n{WORDS}\n2 ×\nBRL 20.00"),
    "event": (_event, "event", f"{WORDS}\n2026-09-21 14:13 UTC\nPraça"),
    "event invitation": (field("eventInviteMessage", "eventTitle"), "event_invite", WORDS),
    "scheduled call": (field("scheduledCallCreationMessage", "title"), "scheduled_call", WORDS),
    "payment request": (_payment_request, "request_payment", f"{WORDS}\nBRL 10.00"),
    "payment reminder": (field("paymentReminderMessage", "description"), "payment_reminder", WORDS),
    "split payment": (_split, "split_payment", f"{WORDS}\nBRL 10.50"),
    "invoice": (field("invoiceMessage", "note"), "invoice", WORDS),
    "poll": (_poll, "poll", f"{WORDS}\n• Sim\n• Não"),
    "poll result": (field("pollResultSnapshotMessage", "name"), "poll_result", WORDS),
    "answer of an assistant": (_rich, "rich_response", f"{WORDS}\nfim"),
    "comment": (comment, "text", WORDS),
    "answer to a status question": (field("statusQuestionAnswerMessage", "text"), "text", WORDS),
    "music": (_music, "music", f"Elis – {WORDS}"),
    "sticker pack": (field("stickerPackMessage", "name"), "sticker_pack", WORDS),
    "channel invitation": (field("newsletterAdminInviteMessage", "caption"), "newsletter_invite", WORDS),
}
