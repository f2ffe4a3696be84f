"""The rules of docs/architecture.md that can be read off the files: who imports whom, how long, which words where."""

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contracts.message import Message
from shared.contracts.registry import COMMANDS, EPHEMERAL_EVENTS, EVENTS, durable_name
from tests.nats_messages import QUERIES, REQUESTS

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("session", "router", "api", "realtime")
SHIPPED = ("services", "shared", "simulator", "deploy", "docs")
MAX_LINES = 300


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def imports(path: Path) -> list[str]:
    return list(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            yield str(node.module)


def importers(module: str, *folders: str) -> set[str]:
    """The files below `folders` that import `module` or something inside it."""
    return {name(p) for p in sources(*folders) if any(i == module or i.startswith(module + ".") for i in imports(p))}


@pytest.mark.parametrize("service", SERVICES)
def test_services_do_not_import_each_other(service: str) -> None:
    users = importers(f"services.{service}", *SHIPPED)
    outside = {user for user in users if not user.startswith((f"services/{service}/", "docs/generate/"))}
    # a benchmark that compares session with its library alone
    assert outside - {"deploy/local/bare_library.py"} == set()


def test_the_contract_imports_no_service() -> None:
    assert importers("services", "shared") | importers("deploy", "shared") == set()


def test_shipped_code_does_not_import_the_simulator_or_the_tests() -> None:
    users = importers("simulator", "services", "shared", "docs") | importers("tests", *SHIPPED)
    assert users == set()


def test_the_launcher_reaches_the_simulator_through_its_client() -> None:
    modules = {i for path in sources("deploy") for i in imports(path) if i.split(".")[0] == "simulator"}
    assert modules <= {"simulator.client"}


def test_the_simulator_knows_nothing_of_switchboard() -> None:
    assert importers("services", "simulator") | importers("shared", "simulator") == set()


def test_neonize_is_imported_in_two_modules() -> None:
    library = "services/session/worker/library"
    assert importers("neonize", *SHIPPED) == {f"{library}/neonize_client.py", f"{library}/neonize_loop.py"}


def test_nats_is_imported_by_the_messaging_package_and_few_others() -> None:
    """Others use shared/messaging; these four use management calls of JetStream that nobody else needs."""
    managing = {
        "services/api/store/dead_letters.py",
        "services/api/views/queue_stats.py",
        "services/session/supervisor/node_lease.py",
        "deploy/local/stream_times.py",
    }
    users = {user for user in importers("nats", *SHIPPED) if not user.startswith("shared/messaging/")}
    assert users <= managing


def test_supervisor_and_worker_never_import_each_other() -> None:
    supervisor = importers("services.session.supervisor", "services")
    assert {user for user in supervisor if user.startswith("services/session/worker/")} == set()
    worker = importers("services.session.worker", "services")
    assert {user for user in worker if user.startswith("services/session/supervisor/")} == set()


def test_the_contracts_import_no_messaging() -> None:
    assert {user for user in importers("shared.messaging", "shared") if user.startswith("shared/contracts/")} == set()


def test_motor_is_met_in_one_module() -> None:
    assert importers("motor", *SHIPPED) == {"shared/platform/mongo.py"}


def test_services_take_what_an_outage_is_from_one_module() -> None:
    """shared/platform/outages.py lists the errors; a list of its own in a service forgets some."""
    named = re.compile(r"except [^:]*\b(NatsError|AutoReconnect|ConnectionFailure|NetworkTimeout)\b|\(NatsError,")
    assert {name(path) for path in sources("services") if named.search(path.read_text())} == set()


def test_documents_of_mongodb_are_read_in_the_stores_and_views_of_the_api() -> None:
    """Routes, access and dialects get records."""
    readers = {
        name(path)
        for path in sources("services/api")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and {"Document", "from_document"} & {alias.name for alias in node.names}
    }
    assert readers
    assert {
        reader for reader in readers if not reader.startswith(("services/api/store/", "services/api/views/"))
    } == set()


def test_background_tasks_are_started_in_one_module() -> None:
    starts = re.compile(r"create_task\(|ensure_future\(")
    starters = {name(path) for path in sources("services", "shared") if starts.search(path.read_text())}
    assert starters <= {"shared/platform/background.py", "shared/platform/migrations.py"}  # the latter awaits its own


def test_rules_are_pure() -> None:
    rules = [path for path in sources("services") if "rules" in path.parts]
    impure = {
        "asyncio",
        "time",
        "os",
        "random",
        "socket",
        "threading",
        "shared.platform.mongo",
        "shared.messaging.consumer",
    }
    for path in rules:
        own = ".".join(path.relative_to(ROOT).parts[:3])
        for module in imports(path):
            allowed = module.split(".")[0] in sys.stdlib_module_names or module.startswith(("shared.", own))
            assert allowed, f"{name(path)} imports {module}"
            assert module not in impure, f"{name(path)} imports {module}"


def test_the_router_has_raw_documents_in_its_migrations_only() -> None:
    """Elsewhere they are records or typed dictionaries, and queries and updates say what they are."""
    migrations = {"services/router/store/migrations"}
    for path in sources("services/router"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        untyped = names & ({"Document"} if "store" in path.parts else {"Any", "Document", "MongoQuery", "MongoUpdate"})
        assert not untyped or name(path.parent) in migrations, f"{name(path)} uses {', '.join(untyped)}"


def test_the_plan_of_the_inbox_is_pure() -> None:
    """Only the pipeline and what applies its steps may do I/O (docs/decisions/0047)."""
    for path in sources("services/router/inbox"):
        if path.name not in ("pipeline.py", "apply.py"):
            for module in imports(path):
                inside = module.startswith(("services.router.rules", "services.router.inbox", "shared.contracts"))
                allowed = inside or module.split(".")[0] in sys.stdlib_module_names - {"asyncio", "time", "random"}
                assert allowed, f"{name(path)} imports {module}"
                assert module not in ("services.router.inbox.pipeline", "services.router.inbox.apply")


@pytest.mark.parametrize("path", sources(*SHIPPED), ids=name)
def test_files_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= MAX_LINES, f"{name(path)} has {lines} lines"
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{name(path)} has no docstring"


def test_no_file_is_called_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base"}
    assert [name(path) for path in sources(*SHIPPED) if path.stem in vague or set(path.parts) & vague] == []


def test_subjects_stand_only_in_the_contract() -> None:
    """And in the declarations of the functions of the api that are served on NATS (docs/decisions/0049)."""
    subject = re.compile(r"""["'](?:wa\.(?:event|command|live|query|dead)\.)""")
    declared = re.compile(r'''^@served_on_nats\(\s*"wa\.(?:command|query)\.[a-z.-]+",\s+"[A-Za-z]+"''', re.MULTILINE)
    texts = {path: path.read_text() for path in sources("services", "deploy")}
    texts |= {path: declared.sub("", texts[path]) for path in sources("services/api/routes")}
    assert {name(path) for path, text in texts.items() if subject.search(text)} == set()


def test_every_subject_has_six_tokens() -> None:
    classes: list[type[Message]] = [
        *EVENTS.values(),
        *COMMANDS.values(),
        *EPHEMERAL_EVENTS.values(),
        *REQUESTS,
        *QUERIES,
    ]
    assert classes
    for cls in classes:
        assert re.fullmatch(
            r"wa\.(event|command|live|query)\.[a-z_-]+\.[a-z_-]+\.acme\.one", cls.subject_filter("acme", "one")
        )


def test_durable_names_are_short_and_distinct() -> None:
    names = [durable_name(service, cls) for service in SERVICES for cls in [*EVENTS.values(), *COMMANDS.values()]]
    assert len(set(names)) == len(names)
    assert [name for name in names if len(name) >= 32 or not re.fullmatch(r"[a-z0-9-]+", name)] == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|pytest\.mark\.(skip|xfail)|pytest\.skip\(")
    left = {name(path) for path in sources(*SHIPPED, "tests") if marks.search(path.read_text())}
    assert left - {name(Path(__file__).resolve())} == set()
