"""Process templates: placeholders, ports, order of starting, keys."""

import pytest

from deploy.local import process_specs
from deploy.local.process_specs import PORT_COUNT, PORT_OFFSETS, PROCESSES, ProcessTemplate

NAMES = [process.name for process in PROCESSES]
PLACEHOLDERS = {
    name: f"<{name}>"
    for name in (
        "python",
        "root",
        "data",
        "environment",
        "nats_server",
        "mongod",
        "nats_url",
        "mongo_url",
        "simulator_url",
        "api_url",
        "realtime_url",
        "monitor_port",
        "network_port",
        "token_private_key",
        "token_public_key",
    )
}


@pytest.mark.parametrize("process", PROCESSES, ids=NAMES)
def test_every_placeholder_of_a_process_has_a_value(process: ProcessTemplate) -> None:
    command, variables = process_specs.fill_placeholders(process, 3000, PLACEHOLDERS)
    assert not [text for text in (*command, *variables.values()) if "{" in text]


def test_a_process_starts_after_what_it_needs() -> None:
    for process in PROCESSES:
        assert all(NAMES.index(need) < NAMES.index(process.name) for need in process.starts_after)


def test_port_offsets_are_distinct_and_within_the_range() -> None:
    assert len(PORT_OFFSETS) == len(PROCESSES) + 2
    assert set(PORT_OFFSETS) == set(range(PORT_COUNT))


def test_an_empty_variable_is_left_out() -> None:
    session = next(process for process in PROCESSES if process.name == "session")
    _, variables = process_specs.fill_placeholders(session, 3000, PLACEHOLDERS | {"simulator_url": ""})
    assert "WA_SIMULATOR_URL" not in variables
    assert variables["WA_HTTP_PORT"] == "3004"


def test_a_folder_with_spaces_and_braces_stays_one_argument() -> None:
    nats = next(process for process in PROCESSES if process.name == "nats")
    command, _ = process_specs.fill_placeholders(nats, 3000, PLACEHOLDERS | {"data": "/home/a b/{x}"})
    assert command[command.index("-sd") + 1] == "/home/a b/{x}/nats"


def test_only_the_api_gets_the_private_key_and_only_realtime_the_public_one() -> None:
    holders = {name: {key for key in p.env if "TOKEN" in key} for name, p in zip(NAMES, PROCESSES, strict=True)}
    assert holders.pop("api") == {"WA_TOKEN_PRIVATE_KEY"}
    assert holders.pop("realtime") == {"WA_TOKEN_PUBLIC_KEY"}
    assert not any(holders.values())
