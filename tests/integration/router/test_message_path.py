"""How many files one received message runs through, for `docs.generate.structure_numbers --message-path`."""

import json

from tests.file_visits import counted_visits
from tests.integration.router.conftest import Router, received


async def test_the_path_of_one_received_message_is_counted(router: Router) -> None:
    """The second message of a known contact, so that neither a lookup nor an index belongs to the path."""
    await router.handle(received("A1", push_name="Anna"))
    with counted_visits() as visits:
        await router.handle(received("A2", push_name="Anna", minute=1))
    assert router.names().count("MessageRecorded") == 2
    figures = visits.figures
    print(f"\nmessage path: {json.dumps(figures)}")  # noqa: T201  # read by docs/generate/structure_numbers.py
    assert figures["visits"] >= figures["files"] > 1
