"""`deploy/generate-env` makes every secret; docker-compose.yml gives each of them to the services that need it."""

import os
import stat
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from docs.generate.deployment import SECRETS, SET_BY_COMPOSE
from docs.generate.settings import settings_class, variable
from shared.platform.token_keys import SigningKey
from shared.platform.weak_secrets import weakness
from tests.security.compose_file import OURS, ROOT, SERVICES, MissingVariable, environment, read_env

READERS = {
    "WA_TOKEN_PRIVATE_KEY": {"api"},
    "WA_TOKEN_PUBLIC_KEY": {"realtime"},
    "NATS_SESSION_PASSWORD": {"nats", "session"},
    "NATS_ROUTER_PASSWORD": {"nats", "router"},
    "NATS_API_PASSWORD": {"nats", "api"},
    "NATS_REALTIME_PASSWORD": {"nats", "realtime"},
    "NATS_INTEGRATION_PASSWORD": {"nats"},
    "MONGO_REPLICA_KEY": {"mongo"},
    "MONGO_SETUP_PASSWORD": {"mongo-setup"},
    "MONGO_SESSION_PASSWORD": {"mongo-setup", "session"},
    "MONGO_ROUTER_PASSWORD": {"mongo-setup", "router"},
    "MONGO_API_PASSWORD": {"mongo-setup", "api"},
}
"""Who may know which secret: a service its own, and the server it logs in to."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env.example").write_text((ROOT / ".env.example").read_text())
    return tmp_path


def generate(folder: Path, script: Path = ROOT / "deploy" / "generate-env") -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, folder], capture_output=True, text=True, timeout=60, check=False)


def made(folder: Path) -> dict[str, str]:
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    return read_env(folder / ".env")


def test_no_service_gets_the_secret_of_another(folder: Path) -> None:
    env = made(folder)
    assert set(READERS) == set(SECRETS)
    for service in SERVICES:
        assert "env_file" not in SERVICES[service], f"{service} would get everything"
        text = "\n".join(environment(service, env).values()) + str(SERVICES[service].get("command"))
        known = {name for name in READERS if env[name] in text}
        assert known == {name for name, readers in READERS.items() if service in readers}, service


@pytest.mark.parametrize("name", list(READERS))
def test_nothing_starts_without_a_secret(folder: Path, name: str) -> None:
    env = {**made(folder), name: ""}
    with pytest.raises(MissingVariable, match="run deploy/generate-env"):
        _ = [environment(service, env) for service in SERVICES]


def test_every_secret_is_made_and_strong(folder: Path) -> None:
    env = made(folder)
    for name in SECRETS:
        assert weakness(env[name]) is None, name
    passwords = [env[name] for name in SECRETS if name.endswith("_PASSWORD")]
    assert all(len(password) == 64 and password.isalnum() for password in passwords)
    assert max(Counter(env[name] for name in SECRETS).values()) == 1
    pair = SigningKey.parse(env["WA_TOKEN_PRIVATE_KEY"])
    assert pair.public_text == env["WA_TOKEN_PUBLIC_KEY"]
    assert 6 <= len(env["MONGO_REPLICA_KEY"]) <= 1024


def test_two_deployments_have_different_secrets(folder: Path, tmp_path: Path) -> None:
    first = made(folder)
    (folder / ".env").unlink()
    assert not {first[name] for name in SECRETS} & {made(folder)[name] for name in SECRETS}


def test_the_file_is_for_its_owner_only(folder: Path) -> None:
    before = os.umask(0)
    try:
        made(folder)
        (folder / ".env").chmod(0o644)
        made(folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == [".env", ".env.example"]


def test_containers_can_read_their_configuration_in_a_private_checkout(folder: Path) -> None:
    """Cloned under umask 077, the files that compose mounts would be closed to the users of the containers."""
    (folder / "deploy").mkdir()
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    files = sorted(path for path in mounted if path.startswith("./deploy/"))
    assert len(files) >= 5
    for name in files:
        (folder / name).write_text("x")
        (folder / name).chmod(0o600)
    made(folder)
    assert {stat.S_IMODE((folder / name).stat().st_mode) & 0o044 for name in files} == {0o044}
    assert stat.S_IMODE((folder / "deploy" / "mongod.sh").stat().st_mode) & 0o055 == 0o055


def test_what_has_a_value_stays_and_what_is_missing_is_added(folder: Path) -> None:
    """As after an update: an older .env, edited by hand, without a final newline."""
    kept = {"NATS_API_PASSWORD": "my-own-password-of-1999", "WA_LOG_LEVEL": "DEBUG", "WA_REGISTRATION": "closed"}
    lines = [f"{name}={text}" for name, text in kept.items()]
    (folder / ".env").write_text("# mine\n" + "\n".join([*lines, 'NATS_ROUTER_PASSWORD=""', "NATS_SESSION_PASSWORD="]))
    env = made(folder)
    assert {name: env[name] for name in kept} == kept
    assert (folder / ".env").read_text().startswith("# mine\n")
    assert all(env[name].strip('"') for name in SECRETS)
    again = generate(folder)
    assert "nothing was missing" in again.stderr
    assert read_env(folder / ".env") == env


def test_a_value_stays_in_any_spelling_compose_takes(folder: Path) -> None:
    (folder / ".env").write_text(
        'NATS_API_PASSWORD="quoted-and-kept-as-it-is"\r\nexport NATS_ROUTER_PASSWORD=exported-and-kept\n'
        "  NATS_SESSION_PASSWORD = 'with spaces and kept'\n"
    )
    assert generate(folder).returncode == 0
    text = (folder / ".env").read_text()
    for name in ("API", "ROUTER", "SESSION"):
        assert text.count(f"NATS_{name}_PASSWORD") == 1


def test_a_missing_public_half_is_derived(folder: Path) -> None:
    env = made(folder)
    text = (folder / ".env").read_text().replace(f"WA_TOKEN_PUBLIC_KEY={env['WA_TOKEN_PUBLIC_KEY']}\n", "")
    (folder / ".env").write_text(text)
    assert made(folder) == env


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"WA_TOKEN_PRIVATE_KEY": ""}, "set the private key, or empty the public one"),
        ({"WA_TOKEN_PRIVATE_KEY": "bm8ga2V5"}, "not an Ed25519 key"),
        ({"WA_TOKEN_PUBLIC_KEY": SigningKey.generate().public_text}, "does not belong to WA_TOKEN_PRIVATE_KEY"),
    ],
)
def test_keys_that_do_not_fit_are_refused_and_nothing_is_changed(
    folder: Path, changed: dict[str, str], remedy: str
) -> None:
    env = made(folder) | changed
    (folder / ".env").write_text("".join(f"{name}={text}\n" for name, text in env.items()))
    before = (folder / ".env").read_bytes()
    done = generate(folder)
    assert done.returncode == 1
    assert remedy in done.stderr
    assert (folder / ".env").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == [".env", ".env.example"]


def test_without_openssl_it_says_what_to_install(folder: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname", "sed", "awk", "tail", "tr"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")
    script = ROOT / "deploy" / "generate-env"
    done = subprocess.run(
        ["/bin/sh", script, folder], capture_output=True, text=True, timeout=60, check=False, env={"PATH": str(tools)}
    )
    assert done.returncode == 1
    assert "openssl is missing: install it" in done.stderr
    assert not (folder / ".env").exists()


@pytest.mark.parametrize("service", OURS)
def test_every_setting_can_be_changed_in_env(service: str) -> None:
    names = {variable(name, field) for name, field in settings_class(service).model_fields.items()}
    changeable = names - SET_BY_COMPOSE - set(SECRETS)
    given = environment(service, dict.fromkeys((*SECRETS, *changeable), "from .env"))
    assert {name for name in changeable if given.get(name) == "from .env"} == changeable
    declared = SERVICES[service]["environment"]
    assert {name for name in changeable if declared[name] is None} == changeable, "unset means the default of the code"
    example = (ROOT / ".env.example").read_text()
    assert [name for name in changeable if f"#{name}=" not in example] == []
