"""QR codes as pictures."""

import base64
import io

from PIL import Image

from services.session.worker.qr_image import qr_ascii, qr_data_url

TEXT = "2@" + "a" * 200


def test_the_data_url_is_a_square_png() -> None:
    head, _, data = qr_data_url(TEXT).partition(",")
    assert head == "data:image/png;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    assert picture.format == "PNG"
    assert picture.width == picture.height > 200


def test_the_ascii_picture_has_lines_of_one_width() -> None:
    lines = qr_ascii(TEXT).rstrip("\n").split("\n")
    assert len({len(line) for line in lines}) == 1
    assert len(lines) > 20


def test_other_text_gives_another_picture() -> None:
    assert qr_ascii("one") != qr_ascii("two")
