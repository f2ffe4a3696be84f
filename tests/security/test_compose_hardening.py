"""docker-compose.yml: networks apart, no privileges, bounded resources, images that cannot change under a tag."""

import os
import re
import subprocess

import pytest

from deploy.local.binaries import find_nats_server
from deploy.local.process_specs import PROCESSES
from docs.generate.listeners import LISTENERS
from tests.security.compose_file import COMPOSE, ONCE, ROOT, SERVICES

NETWORKS = {
    "bus": {"nats", "router", "session", "api", "realtime"},
    "data": {"mongo", "router", "session", "api"},
    "web": {"front", "api", "realtime"},
    "outside": {"session"},
}
DIGEST = re.compile(r"[a-z]+:\d+\.\d+\.\d+(-[a-z0-9]+)*@sha256:[0-9a-f]{64}")


def test_each_network_has_only_who_needs_it() -> None:
    found = {
        network: {name for name, s in SERVICES.items() if network in s.get("networks", [])} for network in NETWORKS
    }
    assert found == NETWORKS
    assert set(COMPOSE["networks"]) == set(NETWORKS), "no service is on the default network"
    for name, service in SERVICES.items():
        assert service.get("networks") or service.get("network_mode"), f"{name} is on the default network"


def test_an_integration_on_the_bus_does_not_reach_mongodb_or_the_services_of_the_front() -> None:
    assert "mongo" not in NETWORKS["bus"]
    assert "front" not in NETWORKS["bus"] | NETWORKS["data"]
    assert SERVICES["mongo-setup"]["network_mode"] == "service:mongo"
    assert SERVICES["storage"]["network_mode"] == "none"


def test_bus_and_data_have_no_way_out() -> None:
    assert COMPOSE["networks"]["bus"]["internal"] is True
    assert COMPOSE["networks"]["data"]["internal"] is True


def test_only_the_front_server_is_reachable_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"front": ["${SWITCHBOARD_ADDRESS:-127.0.0.1}:3000:3000"]}
    assert all("expose" not in service and "privileged" not in service for service in SERVICES.values())


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_container_is_hardened_and_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    allowed = {"storage": ["CHOWN", "DAC_READ_SEARCH"], "front": ["NET_BIND_SERVICE"]}
    assert service.get("cap_add", []) == allowed.get(name, [])
    assert service["mem_limit"]
    assert int(service["pids_limit"]) > 0
    assert service["cpus"]
    assert service["logging"]["driver"] == "json-file"
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert "/var/run/docker.sock" not in str(service.get("volumes"))
    for volume in service.get("volumes", []):
        assert not volume.startswith("./") or volume.endswith(":ro"), volume


def test_nothing_that_stays_runs_as_root() -> None:
    users = {name: service.get("user", "image") for name, service in SERVICES.items() if name not in ONCE}
    assert {name for name, user in users.items() if user.startswith(("0", "root"))} == set()
    built = {name for name, user in users.items() if user == "image"}
    assert {SERVICES[name]["image"] for name in built} == {"switchboard:latest"}
    assert re.search(r"^USER switchboard$", (ROOT / "deploy" / "Dockerfile").read_text(), re.M)


@pytest.mark.parametrize("name", [name for name in SERVICES if name not in ONCE])
def test_docker_sees_whether_it_works(name: str) -> None:
    built = SERVICES[name]["image"] == "switchboard:latest"
    assert built or SERVICES[name]["healthcheck"]["test"]
    assert "HEALTHCHECK" in (ROOT / "deploy" / "Dockerfile").read_text()


def test_images_are_pinned_by_digest() -> None:
    images = {service["image"] for service in SERVICES.values()} - {"switchboard:latest"}
    bases = re.findall(r"^FROM (\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.M)
    assert images
    assert bases
    for image in (*images, *bases):
        assert DIGEST.fullmatch(image), image


def test_nats_shows_its_monitoring_to_its_own_container_only() -> None:
    text = (ROOT / "deploy" / "nats.server.conf").read_text()
    assert re.findall(r"^(?:http\w*|monitor\w*):.*$", text, re.M) == ['http: "127.0.0.1:8222"']
    command = SERVICES["nats"]["command"]
    assert not {"-m", "--http_port", "-ms", "--https_port"} & set(command)


def test_the_configuration_of_the_nats_container_is_one_that_nats_server_takes() -> None:
    passwords = {name: '"a-password"' for name in SERVICES["nats"]["environment"]}
    program, config = str(find_nats_server(os.environ)), str(ROOT / "deploy" / "nats.server.conf")
    checked = subprocess.run(
        [program, "-t", "-c", config], env=os.environ | passwords, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_mongodb_runs_no_code_of_a_query() -> None:
    """`$where` and `$function` would run JavaScript in the server."""
    assert "--noscripting" in SERVICES["mongo"]["command"]


def test_everything_that_listens_is_in_the_settings_page() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for process in PROCESSES:
        port = f"127.0.0.1:N+{process.port_offset}" if process.port_offset else "127.0.0.1:N"
        assert any(item.local.startswith(port) for item in LISTENERS), process.name
    assert all(item.name in page and item.local in page for item in LISTENERS)
    for name, port in (("NATS", "4222"), ("MongoDB", "27017"), ("api", "8000"), ("front server, health", "2020")):
        assert next(item for item in LISTENERS if item.name == name).server.endswith(port)
