"""The results of requests for an account that is not connected."""

from services.session.ipc.messages import LookUpNumber, ReplyFrame, Send, SendPresence, SendReadReceipts
from services.session.worker import send_results
from services.session.worker.library.whatsapp_port import NOT_CONNECTED_ERROR
from services.session.worker.number_lookup_worker import lookup_failed
from services.session.worker.presence_worker import read_receipts_result

ClientRequest = Send | SendPresence | SendReadReceipts | LookUpNumber
"""Frames of the supervisor that need a connected client."""


def not_connected_result(request: ClientRequest) -> ReplyFrame | None:
    """None: SendPresence has no result."""
    match request:
        case Send():
            return send_results.failed(request, "not_connected", NOT_CONNECTED_ERROR)
        case SendReadReceipts():
            return read_receipts_result(request, NOT_CONNECTED_ERROR)
        case LookUpNumber():
            return lookup_failed(request, NOT_CONNECTED_ERROR)
        case SendPresence():
            return None
