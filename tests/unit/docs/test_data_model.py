"""The data model in docs/architecture.md has every collection and every index of the code, and no others."""

import re
from pathlib import Path

import pytest

from services.api.store import migrations as api
from services.router import store as router
from services.session.store import connections, sends
from shared.platform.mongo_roles import ACCESS, VIEWS

PAGE = (Path(__file__).parents[3] / "docs/architecture.md").read_text()
DATA_MODEL = PAGE.partition("\n## Data model\n")[2].partition("\n### NATS\n")[0]
COLLECTIONS = {name for access in ACCESS.values() for name in access.writes}
INDEXES = {
    (collection, model.document["name"])
    for indexes in (
        api._indexes(),
        router.INDEXES,
        {"connections": connections.INDEXES, "sends": sends.INDEXES},
    )
    for collection, models in indexes.items()
    for model in models
}


def section(collection: str) -> str:
    """The text about one collection: from its name in bold to the next one, or its row of a table."""
    start = DATA_MODEL.index(f"**`{collection}`**")
    row = DATA_MODEL[DATA_MODEL.rfind("\n", 0, start) + 1 :].partition("\n")[0]
    if row.startswith("| "):
        return row
    return re.split(r"\n\n\*\*`|\n### ", DATA_MODEL[start + 1 :])[0]


def documented_indexes(collection: str) -> set[str]:
    text = section(collection)
    if text.startswith("| "):
        last_cell = text.rstrip(" |").rpartition(" | ")[2]
        return set(re.findall(r"`(\w+_-?1)`", last_cell))
    return set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("collection", sorted(COLLECTIONS | set(VIEWS)))
def test_the_data_model_has_the_collection(collection: str) -> None:
    assert f"**`{collection}`**" in DATA_MODEL


@pytest.mark.parametrize("collection", sorted(COLLECTIONS))
def test_the_data_model_has_the_indexes_of_the_collection(collection: str) -> None:
    assert documented_indexes(collection) == {name for owner, name in INDEXES if owner == collection}


@pytest.mark.parametrize("collection", sorted({owner for owner, _ in INDEXES}))
def test_every_index_of_the_data_model_has_a_query(collection: str) -> None:
    rows = re.findall(r"^\| `[\w-]+` \|(.*)\|$", section(collection), re.MULTILINE)
    assert [row for row in rows if not row.strip() or row.strip().startswith("none")] == []
