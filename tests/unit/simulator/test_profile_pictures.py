"""Which simulated accounts have a profile picture, and that it is a picture."""

from io import BytesIO

from PIL import Image

from simulator.server.accounts import SimulatedAccount
from simulator.server.profile_pictures import SIDE_PIXELS, draw, has_picture, picture_node

ACCOUNTS = [SimulatedAccount(f"49151{number:08}", f"{number:015}", "", "contact") for number in range(30)]


def test_some_accounts_have_a_picture_and_some_have_none() -> None:
    assert {has_picture(account) for account in ACCOUNTS} == {True, False}


def test_a_picture_is_a_png_of_the_account_and_the_same_each_time() -> None:
    with Image.open(BytesIO(draw(ACCOUNTS[0]))) as image:
        assert (image.format, image.size) == ("PNG", (SIDE_PIXELS, SIDE_PIXELS))
        image.load()
    assert draw(ACCOUNTS[0]) == draw(ACCOUNTS[0])
    assert draw(ACCOUNTS[0]) != draw(ACCOUNTS[1])
    assert picture_node(ACCOUNTS[0], "preview").text("id") != picture_node(ACCOUNTS[1], "preview").text("id")
