"""Decision records: the same sections in each, and what one says about another stands in both."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs/decisions"
RECORDS = {int(path.name[:4]): path for path in sorted(FOLDER.glob("0*.md"))}
INVERSE = {
    "Supersedes": "Superseded by",
    "Supersedes in part": "Superseded in part by",
    "Amends": "Amended by",
}
_RELATION = re.compile(r"^- ([A-Z][a-z ]+): (.*?)(?=^-|\Z)", re.DOTALL | re.MULTILINE)


def relations(number: int) -> set[tuple[str, int]]:
    """Each as its label and the number of the other record."""
    status = RECORDS[number].read_text().split("\n## ")[1]
    return {
        (match[1], int(other)) for match in _RELATION.finditer(status) for other in re.findall(r"\[(\d+)\]", match[2])
    }


@pytest.mark.parametrize("number", RECORDS)
def test_a_record_has_the_usual_sections(number: int) -> None:
    text = RECORDS[number].read_text()
    assert text.startswith(f"# {number}. ")
    titles = [title.split(":")[0] for title in re.findall(r"^## (.*)$", text, re.MULTILINE)]
    assert titles[:3] == ["Status", "Context", "Decision"]


def test_both_records_say_that_one_supersedes_or_amends_the_other() -> None:
    labels = INVERSE | {inverse: label for label, inverse in INVERSE.items()}
    for number in RECORDS:
        for label, other in relations(number):
            assert (labels[label], number) in relations(other), f"{other} does not say: {labels[label]}: {number}"
