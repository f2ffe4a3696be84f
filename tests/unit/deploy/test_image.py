"""The image installs exactly what was tested: its lock is a part of the project's lock."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def entries(path: Path) -> dict[str, str]:
    """Requirement line → hashes."""
    text = re.sub(r" \\\n\s+", " ", path.read_text())
    return {line.partition(" --hash")[0]: line for line in text.splitlines() if "==" in line}


def test_the_lock_of_the_image_is_a_part_of_the_lock() -> None:
    whole, image = entries(ROOT / "requirements.lock"), entries(ROOT / "deploy" / "requirements.lock")
    assert image
    assert {name: line for name, line in image.items() if whole.get(name) != line} == {}


def test_the_image_runs_as_a_user_without_rights() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert re.search(r"^USER switchboard$", dockerfile, re.M)
    assert "--require-hashes" in dockerfile


def test_no_lock_names_a_host() -> None:
    for path in (ROOT / "requirements.lock", ROOT / "deploy" / "requirements.lock"):
        assert "://" not in path.read_text()
