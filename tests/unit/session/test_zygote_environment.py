"""Only a zygote of the simulated network is led away from WhatsApp."""

import pytest

from services.session.ipc.environment import NOISE_ROOT_VARIABLE
from services.session.supervisor.simulated_network import SimulatedNetwork
from services.session.supervisor.zygote_environment import zygote_environment

GIVEN = {"PATH": "/bin", "https_proxy": "http://proxy:3128", "SSL_CERT_FILE": "/etc/ca.pem", "PYTHONPATH": "/x"}
ALWAYS = {"NEONIZE_BOT_TAG": "off", "MALLOC_ARENA_MAX": "2", "GOGC": "50"}
NETWORK = SimulatedNetwork("http://127.0.0.1:1", "/tmp/ca.pem", "ab" * 32)


def test_the_real_network_gets_what_the_library_needs() -> None:
    assert zygote_environment(GIVEN, None) == GIVEN | ALWAYS


def test_an_operator_may_choose_the_number_of_arenas() -> None:
    assert zygote_environment({"MALLOC_ARENA_MAX": "8"}, None)["MALLOC_ARENA_MAX"] == "8"


def test_addresses_and_secrets_stay_outside() -> None:
    secrets = {"NATS_URL": "nats://session:x@nats", "MONGO_URL": "mongodb://", "WA_TOKEN_SECRET": "s", "AWS_KEY": "k"}
    assert zygote_environment(GIVEN | secrets, None) == GIVEN | ALWAYS


def test_the_real_network_never_inherits_another_root_key() -> None:
    assert NOISE_ROOT_VARIABLE not in zygote_environment({NOISE_ROOT_VARIABLE: "ab" * 32}, None)


def test_the_simulated_network_brings_its_own_roots() -> None:
    environment = zygote_environment(GIVEN, NETWORK)
    assert (environment["SSL_CERT_FILE"], environment[NOISE_ROOT_VARIABLE]) == ("/tmp/ca.pem", "ab" * 32)
    assert environment["PATH"] == "/bin"


def test_a_noise_root_of_a_test_tool_reaches_the_workers_of_the_real_network_in_simulator_mode_alone() -> None:
    inherited = {"TOOL_NOISE_ROOT": "ab" * 32, NOISE_ROOT_VARIABLE: "cd" * 32, "PATH": "/bin"}
    plain = {"PATH": "/bin"} | ALWAYS
    assert zygote_environment(inherited, None) == plain
    assert zygote_environment(inherited, None, simulator_mode=True) == plain | {"TOOL_NOISE_ROOT": "ab" * 32}
    simulated = zygote_environment(inherited, NETWORK, simulator_mode=True)
    assert simulated[NOISE_ROOT_VARIABLE] == NETWORK.noise_root
    assert "TOOL_NOISE_ROOT" not in simulated


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOOL_NOISE_ROOT", "mongodb://user:secret@host"),
        ("TOOL_NOISE_ROOT", "ab" * 31),
        ("TOOL_NOISE_ROOT_KEY", "ab" * 32),
        ("_NOISE_ROOT", "ab" * 32),
        ("NOISE_ROOT", "ab" * 32),
        ("tool_noise_root", "ab" * 32),
    ],
)
def test_what_is_no_noise_root_of_a_test_tool_stays_outside(name: str, value: str) -> None:
    assert zygote_environment({name: value}, None, simulator_mode=True) == ALWAYS
