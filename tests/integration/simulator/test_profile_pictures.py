"""The real neonize asks for profile pictures of simulated people."""

import ssl
from typing import Any

import aiohttp
import pytest

from simulator.server.profile_pictures import draw, has_picture, picture_node
from simulator.world import World


async def test_the_picture_of_a_contact_is_found_and_can_be_loaded_through_the_proxy(world: World, linked: Any) -> None:
    contact = next(one for one in (world.add_contact() for _ in range(20)) if has_picture(one.account))
    expected = picture_node(contact.account, "image")
    for jid in (contact.account.pn, contact.account.lid):
        found = await linked.call("profile_picture", of=str(jid))
        assert found == {key: expected.text(key) for key in ("id", "url", "type")}
    trusted = ssl.create_default_context(cafile=str(world.service.ca_path))
    async with (
        aiohttp.ClientSession() as session,
        session.get(expected.text("url"), proxy=world.proxy_url, ssl=trusted) as response,
    ):
        assert (response.status, response.content_type) == (200, "image/png")
        assert await response.read() == draw(contact.account)


async def test_a_contact_without_a_picture_and_a_stranger_have_none(world: World, linked: Any) -> None:
    contact = next(one for one in (world.add_contact() for _ in range(20)) if not has_picture(one.account))
    for jid in (str(contact.account.pn), "4915100000000@s.whatsapp.net"):
        with pytest.raises(RuntimeError, match="does not have a profile picture"):
            await linked.call("profile_picture", of=jid)
