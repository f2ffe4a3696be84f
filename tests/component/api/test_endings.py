"""What ended is told as soon as NATS is back."""

import asyncio
from typing import Any, cast

from nats.errors import NoServersError

from services.api.access import endings
from services.api.access.endings import Endings
from shared.delivery import Publisher
from shared.events import AccessEnded


async def test_an_ending_is_told_when_nats_is_back_and_nobody_waits_for_it(monkeypatch: Any) -> None:
    monkeypatch.setattr(endings, "AGAIN", 0.01)
    told, away = asyncio.Queue[AccessEnded](), True

    async def publish(event: AccessEnded) -> None:
        if away:
            raise NoServersError
        told.put_nowait(event)

    telling = Endings(cast(Publisher, publish))
    await telling.removed("acme", "nina")
    assert told.empty()
    away = False
    assert (await asyncio.wait_for(told.get(), 5)).holder == "nina"
    away = True
    await telling.revoked("acme", "till")
    await telling.close()
    assert told.empty()
