"""Which account answers to a phone number: asked of WhatsApp through an account that is connected, and remembered."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

from services.session.ipc.messages import LookUpNumber, NumberLookupResult
from services.session.supervisor.supervised_instance import Account
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.queries import NumberOwner, ResolveNumber

LIMIT = 4.0
"""Seconds WhatsApp has to answer; who asks waits a little longer."""
KEPT, MOST = 86_400.0, 10_000
"""Seconds an answer is remembered, and how many are."""

Key = tuple[str, str]


class Numbers:
    """`hand_over` gives a frame to the account's worker and says whether there is one."""

    def __init__(
        self,
        find: Callable[[str], Account | None],
        hand_over: Callable[[str, LookUpNumber], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find, self._hand_over, self._clock = find, hand_over, clock
        self._asked: dict[str, asyncio.Future[NumberLookupResult]] = {}
        self._known: OrderedDict[Key, tuple[float, NumberOwner]] = OrderedDict()

    def holds(self, organization_id: str, instance_id: str) -> bool:
        """Whether this node is the one to answer. Of another organization's instance it is silent, as of one that does
        not exist."""
        account = self._find(instance_id)
        return account is not None and account.held.organization_id == organization_id

    async def resolve(self, query: ResolveNumber) -> NumberOwner:
        """Raises Problem: 404 of a foreign instance, 409 while it is not connected, 504 without an answer."""
        account = self._find(query.instance_id)
        if account is None or account.held.organization_id != query.organization_id:
            raise Problem(404, "instance_not_found", "there is no such instance in this organization")
        if known := self._remembered((query.instance_id, query.number)):
            return known
        if not account.connected:
            status = account.held.status.value
            raise Problem(409, "instance_not_connected", f"the instance is {status}; connect it first", state=status)
        return self._remember((query.instance_id, query.number), await self._ask(query))

    def heard(self, answer: NumberLookupResult) -> None:
        """A worker tells what WhatsApp said."""
        asked = self._asked.get(answer.call_id)
        if asked and not asked.done():
            asked.set_result(answer)

    async def _ask(self, query: ResolveNumber) -> NumberOwner:
        question = new_id()
        answer = self._asked[question] = asyncio.get_running_loop().create_future()
        try:
            asked = LookUpNumber(instance_id=query.instance_id, call_id=question, phone_number=query.number)
            if not self._hand_over(query.instance_id, asked):
                raise Problem(409, "instance_not_connected", "the instance is just being started; try again")
            found = await asyncio.wait_for(answer, LIMIT)
        except TimeoutError as error:
            raise Problem(504, "no_answer", f"WhatsApp did not answer within {LIMIT:g} seconds; try again") from error
        finally:
            self._asked.pop(question, None)
        if found.error:
            raise Problem(503, "number_not_asked", f"WhatsApp could not be asked: {found.error}")
        return NumberOwner(phone=found.phone, lid=found.lid)

    def _remembered(self, key: Key) -> NumberOwner | None:
        known = self._known.get(key)
        return known[1] if known and self._clock() - known[0] < KEPT else None

    def _remember(self, key: Key, owner: NumberOwner) -> NumberOwner:
        """Nobody there is not remembered: people join."""
        if owner.phone or owner.lid:
            self._known[key] = (self._clock(), owner)
            self._known.move_to_end(key)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return owner
