"""Another phone links an instance: what comes next names its number, although numbers are remembered for some time."""

from typing import Any

import pytest

from tests.integration.router.conftest import ME, ONE, ORG, Router, received

NEW = "4917011111111"


async def link_another_phone(router: Router) -> None:
    for table in ("instances", "connections"):
        await router.database[table].update_one({"_id": ONE}, {"$set": {"phone_number": NEW}})


async def test_the_number_that_is_announced_is_used_at_once(router: Router) -> None:
    await router.handle(received("A1"))
    await link_another_phone(router)
    router.context.store.instances.on_number_linked(ORG, ONE, NEW)
    await router.handle(received("A2", minute=1))
    assert [message["to_address"] for message in await router.rows("messages")].count(NEW) == 1
    assert (await router.only("messages", wa_id="A2"))["to_address"] == NEW


async def test_a_number_that_was_read_before_another_is_announced_is_not_remembered(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = router.context.store.instances
    settings = accounts._settings

    async def slow_settings(organization_id: str) -> Any:
        found = await settings(organization_id)
        if not reads:
            reads.append((await accounts._accounts(organization_id))[0].phone_number)
            await link_another_phone(router)
            accounts.on_number_linked(ORG, ONE, NEW)
        return found

    reads: list[str | None] = []
    monkeypatch.setattr(accounts, "_settings", slow_settings)
    await router.handle(received("A1"), received("A2", minute=1))
    assert reads == [ME.phone]
    assert (await router.only("messages", wa_id="A2"))["to_address"] == NEW


async def test_a_number_that_is_cached_already_invalidates_no_profile(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    await router.handle(received("A1"))
    accounts = router.context.store.instances
    accounts.on_number_linked(ORG, ONE, str(ME.phone))

    async def unread(_organization_id: str) -> Any:
        raise AssertionError("the owner was read anew")

    monkeypatch.setattr(accounts, "_settings", unread)
    assert (await accounts.profile(ORG)).addresses[ONE] == ME.phone
