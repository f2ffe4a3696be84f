"""docker-compose.yml and the launcher describe the same processes."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from deploy.local.process_specs import PROCESSES, ProcessTemplate
from docs.generate.deployment import SECRETS
from docs.generate.nats_users import nats_users
from tests.security.compose_file import COMPOSE, ONCE, OURS, ROOT, SERVICES, environment, interpolated

LAUNCHED = {process.name: process for process in PROCESSES}
ONLY_LOCAL = {"WA_SIMULATOR_URL"}
ONLY_SERVER = {"WA_ALLOWED_HOSTS"}


def flag(command: list[str] | tuple[str, ...], name: str) -> str | None:
    return command[command.index(name) + 1] if name in command else None


def test_the_same_processes_run_but_for_the_simulator() -> None:
    assert set(SERVICES) - set(ONCE) == set(LAUNCHED) - {"simulator"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_the_same_command(name: str) -> None:
    assert SERVICES[name]["command"][1:] == list(LAUNCHED[name].command[1:])


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_the_same_variables(name: str) -> None:
    """Except for the settings that .env may change."""
    compose = {name for name, text in SERVICES[name]["environment"].items() if text is not None} - ONLY_SERVER
    unused = {"MONGO_URL"} if name == "realtime" else set()
    assert compose == set(LAUNCHED[name].env) - ONLY_LOCAL - unused


@pytest.mark.parametrize("name", OURS)
def test_a_service_waits_for_the_servers_it_uses(name: str) -> None:
    needed = {"nats"} if name == "realtime" else {"nats", "mongo-setup"}
    assert set(SERVICES[name]["depends_on"]) == needed
    assert SERVICES["mongo-setup"]["depends_on"] == {"mongo": {"condition": "service_healthy"}}


def test_the_servers_run_with_the_same_options() -> None:
    nats, mongo = LAUNCHED["nats"], LAUNCHED["mongo"]
    assert Path(flag(nats.command, "-c") or "").name == "nats.conf"
    assert flag(SERVICES["nats"]["command"], "-c") == "/etc/nats/nats.server.conf"
    assert '\ninclude "nats.production.conf"\n' in (ROOT / "deploy" / "nats.server.conf").read_text()
    assert '\ninclude "nats.conf"\n' in nats_users()
    for option in ("--replSet", "--wiredTigerCacheSizeGB"):
        assert flag(SERVICES["mongo"]["command"], option) == flag(mongo.command, option)


def test_the_front_server_sends_the_same_paths_to_the_same_services() -> None:
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text()
    sockets, rest = caddyfile.split("handle /socket.io/*")[1].split("handle {")
    assert "dynamic a {$SWITCHBOARD_REALTIME_HOST:realtime} {$SWITCHBOARD_REALTIME_PORT:8000}" in sockets
    assert re.search(r"lb_policy cookie \w+ \{\s+fallback client_ip_hash\s+\}", sockets), "sessions must stay"
    upstreams = re.findall(r"reverse_proxy (\S+) \{", rest)
    assert upstreams == ["{$SWITCHBOARD_API_HOST:api}:{$SWITCHBOARD_API_PORT:8000}"]
    assert set(SERVICES["front"]["environment"]) == {"SWITCHBOARD_SITE"}, "the defaults are the names of the services"


def test_the_services_trust_the_front_server_and_nothing_else() -> None:
    """The gateway of the network is the host: trusting it would trust every process on the host."""
    address = interpolated(SERVICES["front"]["networks"]["web"]["ipv4_address"], {})
    (web,) = COMPOSE["networks"]["web"]["ipam"]["config"]
    subnet, dynamic = (ip_network(interpolated(web[name], {})) for name in ("subnet", "ip_range"))
    assert ip_address(address) in subnet
    assert ip_address(address) not in dynamic
    assert dynamic.subnet_of(subnet)  # type: ignore[arg-type]
    for name in ("api", "realtime"):
        assert environment(name, dict.fromkeys(SECRETS, "x"))["WA_TRUSTED_PROXIES"] == address
        assert SERVICES[name]["environment"]["WA_ALLOWED_HOSTS"] == "${SWITCHBOARD_SITE:-}"


def test_production_is_what_runs_on_a_server() -> None:
    assert all("WA_SIMULATOR_URL" not in service.get("environment", {}) for service in SERVICES.values())
    assert {SERVICES[name]["environment"]["WA_ENVIRONMENT"] for name in OURS} == {"production"}


def test_every_variable_of_the_launcher_is_filled_in() -> None:
    def names(process: ProcessTemplate) -> set[str]:
        texts = [*process.command, *process.env.values()]
        return {name for text in texts for name in re.findall(r"{(\w+)}", text)}

    assert all(names(process) for process in PROCESSES)
