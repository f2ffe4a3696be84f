"""The table that `bench memory` prints."""

import pytest

from deploy.local.memory_report import ProcessMemory, counted_bytes, process_name, report_lines

MB = 2**20
PROCESSES = [
    ProcessMemory("launcher", 30 * MB, 40 * MB),
    ProcessMemory("mongod", 110 * MB, 140 * MB, 80),
    ProcessMemory("session zygote", 20 * MB, 60 * MB),
    ProcessMemory("session worker", 70 * MB, 110 * MB, 116),
    ProcessMemory("simulator", 75 * MB, 99 * MB, 6),
]


@pytest.mark.parametrize(
    ("command", "parent", "name"),
    [
        ("/project/.venv/bin/python -m deploy.local up --json", None, "launcher"),
        ("/project/.venv/bin/python -m services.session.main", "launcher", "session"),
        ("/project/.venv/bin/python -m services.session.worker.zygote 23", "session", "session zygote"),
        ("/project/.venv/bin/python -m services.session.worker.zygote 23", "session zygote", "session worker"),
        ("/project/.venv/bin/python -m simulator --control-port 4005 --port 4006", "launcher", "simulator"),
        ("/opt/nats-server -c /project/deploy/nats.conf -a 127.0.0.1 -m 4009", "launcher", "nats-server"),
    ],
)
def test_a_process_is_named_after_its_program(command: str, parent: str | None, name: str) -> None:
    assert process_name(command.split(), parent) == name


def test_mongodb_the_simulator_and_the_launcher_are_listed_and_not_counted() -> None:
    assert counted_bytes(PROCESSES) == 90 * MB
    shown = [line.split() for line in report_lines(PROCESSES)]
    assert shown[1:4] == [
        ["session", "zygote", "20.0", "60.0", "1"],
        ["session", "worker", "70.0", "110.0", "116"],
        ["sum", "90.0", "170.0"],
    ]
    assert [line[0] for line in shown[5:]] == ["launcher", "mongod", "simulator"]
