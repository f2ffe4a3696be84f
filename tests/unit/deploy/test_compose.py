"""docker-compose.yml and the launcher describe the same processes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.topology import PROCESSES, Process
from docs.generate.nats_users import nats_users
from shared.nats_users import password_variable
from shared.rights import rights

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LAUNCHED = {process.name: process for process in PROCESSES}
OURS = ("router", "session", "api", "realtime")
ONLY_LOCAL = {"WA_SIMULATOR_URL"}
PASSWORDS = {password_variable(user) for user in rights()}


def flag(command: list[str] | tuple[str, ...], name: str) -> str | None:
    return command[command.index(name) + 1] if name in command else None


def test_the_same_processes_run_but_for_the_simulator() -> None:
    assert set(SERVICES) == set(LAUNCHED) - {"simulator"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_the_same_command(name: str) -> None:
    assert SERVICES[name]["command"][1:] == list(LAUNCHED[name].command[1:])


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_the_same_variables(name: str) -> None:
    compose = set(SERVICES[name]["environment"]) - PASSWORDS
    assert compose == set(LAUNCHED[name].env) - ONLY_LOCAL


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_for_the_same_servers(name: str) -> None:
    assert set(SERVICES[name]["depends_on"]) == set(LAUNCHED[name].needs)


def test_the_servers_run_with_the_same_options() -> None:
    nats, mongo = LAUNCHED["nats"], LAUNCHED["mongo"]
    assert Path(flag(nats.command, "-c") or "").name == "nats.conf"
    assert flag(SERVICES["nats"]["command"], "-c") == "/etc/nats/nats.production.conf"
    assert '\ninclude "nats.conf"\n' in nats_users()
    for option in ("--replSet", "--wiredTigerCacheSizeGB"):
        assert flag(SERVICES["mongo"]["command"], option) == flag(mongo.command, option)


def test_the_front_server_sends_the_same_paths_to_the_same_services() -> None:
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text()
    sockets, rest = caddyfile.split("handle /socket.io/*")[1].split("handle {")
    assert "dynamic a realtime 8000" in sockets
    assert re.search(r"lb_policy cookie \w+ \{\s+fallback client_ip_hash\s+\}", sockets), "sessions must stay"
    assert re.findall(r"reverse_proxy (\w+):8000", rest) == ["api"]


def test_only_the_front_server_is_reachable_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"front": ["${SWITCHBOARD_ADDRESS:-127.0.0.1}:3000:3000"]}


def test_compose_has_no_secret_of_its_own() -> None:
    for name in ("api", "realtime"):
        assert SERVICES[name]["environment"]["WA_TOKEN_SECRET"].startswith("${WA_TOKEN_SECRET:?")
    assert all("WA_SIMULATOR_URL" not in service.get("environment", {}) for service in SERVICES.values())
    assert {service["environment"]["WA_ENVIRONMENT"] for name, service in SERVICES.items() if name in OURS} == {
        "production"
    }


@pytest.mark.parametrize("name", OURS)
def test_a_service_knows_no_password_but_its_own(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["NATS_URL"] == f"nats://{name}:${{{password_variable(name)}}}@nats:4222"
    assert {environment[variable] for variable in PASSWORDS} == {""}
    assert {text.split(":")[0] for text in SERVICES["nats"]["environment"].values()} == {
        f'"${{{variable}' for variable in PASSWORDS
    }


def test_every_variable_of_the_launcher_is_filled_in() -> None:
    def names(process: Process) -> set[str]:
        texts = [*process.command, *process.env.values()]
        return {name for text in texts for name in re.findall(r"{(\w+)}", text)}

    assert all(names(process) for process in PROCESSES)
