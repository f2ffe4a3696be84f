"""The figures of docs/generate/structure_numbers.py: of this checkout, and of a small one whose figures are known."""

from pathlib import Path

import pytest

from docs.generate import structure_numbers

FILES = {
    "services/session/app.py": "from services.session.worker.pump import Pump\nfrom services.session import lease\n",
    "services/session/lease.py": "import nats\n\nasync def f(js):\n    await js.key_value('b')\n",
    "services/session/worker/pump.py": "class Pump: ...\n",
    "services/router/store/pump.py": "class Pump: ...\n",
    "shared/ids.py": "from shared.words import fold\n",
    "shared/words.py": "from nats.js import JetStreamContext\n\ndef fold(js):\n    js.publish('s')\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_small_checkout_has_the_figures_that_can_be_counted_by_hand(checkout: Path) -> None:
    found = structure_numbers.measure(checkout)
    assert (found.session_entries, found.session_edges) == (3, 2)
    assert (found.shared_files, found.shared_edges) == (2, 1)
    assert found.nats_importers == ["services/session/lease.py", "shared/words.py"]
    assert found.nats_forms == {"js.key_value": ["services/session/lease.py"], "js.publish": ["shared/words.py"]}
    assert found.duplicate_classes == {"Pump": ["services/router/store/pump.py", "services/session/worker/pump.py"]}
    assert list(found.duplicate_file_names) == ["pump.py"]
    assert (found.lines["shared"], found.longest_file) == (5, ("services/session/lease.py", 4))


def test_this_checkout_has_figures_and_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert structure_numbers.main([]) == 0
    printed = capsys.readouterr().out
    for text in ("shared: imports between them", "forms of using NATS", "longest file", "Forms of using NATS:"):
        assert text in printed


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder services"):
        structure_numbers.measure(tmp_path)
