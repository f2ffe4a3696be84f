"""Links an account: sends QR codes, or one pairing code to type, to the supervisor."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from services.session.ipc.messages import ConnectionUpdate, LinkingCode, Start
from services.session.worker.library.whatsapp_port import WhatsAppClient, WhatsAppError
from services.session.worker.qr_image import qr_ascii, qr_data_url
from services.session.worker.threads import start_thread

FIRST_QR_LIFETIME = timedelta(seconds=60)
LATER_QR_LIFETIME = timedelta(seconds=20)
"""How long WhatsApp accepts a QR code: the first of a pairing, and each later one."""
PAIRING_CODE_LIFETIME = timedelta(seconds=160)
"""A pairing code is valid as long as the six QR references behind it."""


class PairingAttempt:
    """`send_code` gets the codes to show; `on_failed` is called when WhatsApp issues none."""

    def __init__(
        self,
        start: Start,
        whatsapp: WhatsAppClient,
        send_code: Callable[[LinkingCode], None],
        on_failed: Callable[[ConnectionUpdate], None],
    ) -> None:
        self._start = start
        self._whatsapp = whatsapp
        self._send_code = send_code
        self._on_failed = on_failed
        self._qr_count = 0

    def on_qr(self, code: str, now: datetime) -> None:
        """The library has a QR code. From the first one on, a pairing code can be requested instead."""
        self._qr_count += 1
        if self._start.method == "qr":
            self._send_code(qr_code_frame(self._start.instance_id, code, self._qr_count, now))
        elif self._qr_count == 1:
            start_thread("pairing", partial(self._request_code, now), self._fail)

    def _request_code(self, now: datetime) -> None:
        try:
            code = self._whatsapp.request_pairing_code(self._start.phone_number or "")
        except WhatsAppError as error:
            self._fail(error)
        else:
            frame = LinkingCode(
                instance_id=self._start.instance_id,
                kind="code",
                code=format_pairing_code(code),
                expires_at=now + PAIRING_CODE_LIFETIME,
            )
            self._send_code(frame)

    def _fail(self, error: Exception) -> None:
        reason = str(error)[:500]
        self._on_failed(ConnectionUpdate(instance_id=self._start.instance_id, event="pairing_failed", reason=reason))


def qr_code_frame(instance_id: str, code: str, attempt: int, now: datetime) -> LinkingCode:
    return LinkingCode(
        instance_id=instance_id,
        kind="qr",
        code=code,
        data_url=qr_data_url(code),
        ascii_art=qr_ascii(code),
        attempt=attempt,
        expires_at=now + (FIRST_QR_LIFETIME if attempt == 1 else LATER_QR_LIFETIME),
    )


def format_pairing_code(code: str) -> str:
    """`ABCDEFGH` → `ABCD-EFGH`, as the phone shows it."""
    plain = code.replace("-", "")
    return f"{plain[:4]}-{plain[4:]}"
