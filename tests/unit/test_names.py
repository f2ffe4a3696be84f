"""Names are terms of the field: no private word of earlier versions, no name for several things."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("services", "shared", "simulator", "deploy", "docs")
SERVICES = ("session", "router", "api", "realtime")
REPEATABLE_FILES = {"__init__.py", "__main__.py", "app.py", "main.py", "settings.py"}

RETIRED_FILES = {
    "addressing",
    "answering",
    "answers",
    "asking",
    "attending",
    "attention",
    "auditing",
    "bench",
    "between",
    "board",
    "bus",
    "care",
    "chaos",
    "chaos_round",
    "crowd",
    "deeds",
    "dispatch",
    "durables",
    "edge",
    "ended",
    "endings",
    "follower",
    "found",
    "gate",
    "hits",
    "holding",
    "identity",
    "inbox_batch",
    "intake",
    "joining",
    "key_answers",
    "kinship",
    "links",
    "live",
    "lookups",
    "merging",
    "numbering",
    "numbers",
    "outbox",
    "outcomes",
    "outgoing",
    "outlet",
    "page",
    "partings",
    "people",
    "pump",
    "questions",
    "reasons",
    "received",
    "relay",
    "repeats",
    "resume",
    "rights",
    "s0",
    "s1",
    "s2",
    "s2_shapes",
    "s4",
    "s4_wire",
    "speech",
    "spellings",
    "splitting",
    "states",
    "strays",
    "stuck",
    "talks_of",
    "ticks",
    "together",
    "topology",
    "tracing",
    "translate",
    "unsent",
    "untold",
    "wire",
    "words",
    "writes",
    "written",
}
"""Names without their endings, of Python and JavaScript files."""
RETIRED_CLASSES = {
    "AccessEnded",
    "Answerer",
    "Answering",
    "Answers",
    "Asking",
    "Attending",
    "Attention",
    "Auditing",
    "Bench",
    "Blow",
    "Board",
    "Bodies",
    "Bucket",
    "Changed",
    "Claim",
    "Claims",
    "Crowd",
    "DecideBookingRequest",
    "Deed",
    "Dispatcher",
    "Done",
    "Ear",
    "Ears",
    "Edge",
    "EndedAccess",
    "Endings",
    "Entry",
    "Feed",
    "Filing",
    "Follower",
    "Gate",
    "Held",
    "History",
    "Hooks",
    "InHand",
    "Intake",
    "Issued",
    "KeptRooms",
    "Known",
    "Line",
    "Links",
    "Listed",
    "Listener",
    "Live",
    "LiveFeed",
    "Mark",
    "Marked",
    "MoveBookingRequest",
    "Notes",
    "Noticed",
    "Numbers",
    "One",
    "OpenBookingRequest",
    "Openings",
    "Outbox",
    "Outgoing",
    "Outlet",
    "Partings",
    "Plan",
    "PresenceSeen",
    "Published",
    "Pump",
    "Received",
    "Registered",
    "Relay",
    "Repeats",
    "Resolve",
    "Resolved",
    "Rights",
    "Room",
    "Scene",
    "Served",
    "Share",
    "Show",
    "ShowQr",
    "ShowTyping",
    "Sighting",
    "Standing",
    "TakenOver",
    "Together",
    "Turns",
    "TypingSeen",
    "Unsent",
    "UntoldEndings",
    "Usual",
    "Victim",
    "WatchContact",
    "Witness",
    "Written",
}
RETIRED_CONSTANTS = {
    "AGAIN",
    "ANSWERERS",
    "AT_ONCE",
    "AWAY",
    "BACKOFF",
    "EVERY",
    "FLOORS",
    "FRESH",
    "GRACE",
    "IN_HAND",
    "KEPT",
    "LANES",
    "LIMIT",
    "LIVE",
    "MANY",
    "MOST",
    "MOST_LANES",
    "MOST_OF_ONE",
    "OVERTAKEN",
    "PATIENCE",
    "PAUSE",
    "QUIET",
    "REMEMBERED",
    "SAFE",
    "TOO_MANY",
    "WAIT",
    "WRITES",
    "YOUNG",
}


def sources(*folders: str, ending: str = "py") -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob(f"*.{ending}"))
    return sorted(path for path in found if "vendor" not in path.parts)


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def classes(path: Path) -> Iterator[str]:
    return (node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))


def constants(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text()).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            for name in ast.walk(target):
                if isinstance(name, ast.Name) and name.id.strip("_").isupper():
                    yield name.id


def stem(path: Path) -> str:
    return path.stem.removeprefix("test_")


def test_no_file_has_a_retired_name() -> None:
    files = [*sources(*SHIPPED, "tests"), *sources("services", ending="js"), *sources("docs", ending="md")]
    assert [shown(path) for path in files if stem(path) in RETIRED_FILES] == []


def test_no_class_has_a_retired_name() -> None:
    found = [f"{shown(path)}: {name}" for path in sources(*SHIPPED, "tests") for name in classes(path)]
    assert [each for each in found if each.split()[-1].strip("_") in RETIRED_CLASSES] == []


def test_no_constant_has_a_retired_name() -> None:
    found = [f"{shown(path)}: {name}" for path in sources(*SHIPPED, "tests") for name in constants(path)]
    retired = [each for each in found if each.split()[-1].strip("_") in RETIRED_CONSTANTS]
    assert retired == [], retired


def test_no_file_name_stands_for_more_than_two_things() -> None:
    places = defaultdict(list)
    for path in sources("services"):
        places[path.name].append(shown(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 2 and name not in REPEATABLE_FILES} == {}


def test_no_class_name_stands_for_more_than_two_things() -> None:
    places = defaultdict(list)
    for path in sources(*SHIPPED):
        for name in classes(path):
            places[name].append(shown(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 2} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_starts_from_the_same_files(service: str) -> None:
    assert {"app.py", "main.py", "settings.py"} <= {path.name for path in (ROOT / "services" / service).glob("*.py")}
