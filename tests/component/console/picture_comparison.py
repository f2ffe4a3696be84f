"""Compares two pictures of the same thing: finds a changed colour and what has moved, not other antialiasing."""

import io

from PIL import Image, ImageChops, ImageFilter

MAX_DIFFERING_PIXELS = 16
"""Fewer are nothing that a person can see."""
_FLAT_TOLERANCE = 8
"""Of 255, where the picture has one colour."""
_EDGE_TOLERANCE_DIVISOR = 4
"""At edges, a quarter of the difference between the colours that meet is tolerated in addition."""
_NEIGHBOURS = 3


def differing_pixels(actual_png: bytes, expected_png: bytes) -> int:
    """How many pixels have a colour that the other picture does not have there or one pixel beside it."""
    actual, expected = _read(actual_png), _read(expected_png)
    if actual.size != expected.size:
        return max(actual.width * actual.height, expected.width * expected.height)
    far = ImageChops.lighter(_outside(actual, expected), _outside(expected, actual))
    tolerance = ImageChops.subtract(_highest(expected), _lowest(expected)).point(
        lambda contrast: _FLAT_TOLERANCE + contrast // _EDGE_TOLERANCE_DIVISOR
    )
    red, green, blue = ImageChops.subtract(far, tolerance).split()
    excess = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return sum(excess.histogram()[1:])


def smaller_png(png: bytes) -> bytes:
    """The same picture in fewer bytes."""
    written = io.BytesIO()
    _read(png).save(written, "PNG", optimize=True)
    return written.getvalue()


def _read(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def _lowest(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.MinFilter(_NEIGHBOURS))


def _highest(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.MaxFilter(_NEIGHBOURS))


def _outside(picture: Image.Image, other: Image.Image) -> Image.Image:
    """How far each pixel lies outside of the colours that the other has around it."""
    return ImageChops.lighter(
        ImageChops.subtract(_lowest(other), picture), ImageChops.subtract(picture, _highest(other))
    )
