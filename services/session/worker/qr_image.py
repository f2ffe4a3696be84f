"""Draws a QR code for browsers and for terminals."""

import base64
import io

import qrcode
from qrcode.constants import ERROR_CORRECT_L
from qrcode.image.pil import PilImage


def _make_qr_code(text: str) -> "qrcode.QRCode[PilImage]":
    code = qrcode.QRCode(image_factory=PilImage, error_correction=ERROR_CORRECT_L, box_size=6, border=4)
    code.add_data(text)
    code.make(fit=True)
    return code


def qr_data_url(text: str) -> str:
    """A PNG as `data:image/png;base64,...`."""
    target = io.BytesIO()
    _make_qr_code(text).make_image().save(target)
    return "data:image/png;base64," + base64.b64encode(target.getvalue()).decode()


def qr_ascii(text: str) -> str:
    """Drawn with half-block characters, for a terminal with a dark background."""
    target = io.StringIO()
    _make_qr_code(text).print_ascii(out=target, invert=True)
    return target.getvalue()
