"""Nothing starts outside local mode with a password that is easy to guess."""

import base64
import random

import pytest
from pydantic import ValidationError

from services.router.settings import RouterSettings
from shared.platform.weak_secrets import weakness
from shared.service import start_advice

WEAK = [
    "",
    "changeme",
    "changeme-changeme-changeme",
    "ChangeMe12345678",
    "change_me_please_now!",
    "password",
    "Passw0rd",
    "passwordpassword1",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abababababababababab",
    "abcabcabcabcabcabcabcabc",
    "0123456789012345678901234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "secret-secret-secret-secret",
    "switchboard-switchboard",
    "mongo-example-test-password",
    "qwertyqwertyqwerty",
    "your-secret-key-please",
    "short1!",
    "xY3$kk9pQ2",
    "1111111111111111111111111111111a",
    "REPLACE_ME_REPLACE_ME",
    "Tr0ub4dorTr0ub4dorTr0ub4dor",
]


@pytest.mark.parametrize("password", WEAK)
@pytest.mark.parametrize("name", ["nats_url", "mongo_url"])
def test_a_weak_password_in_an_address_is_refused_with_the_remedy(name: str, password: str) -> None:
    scheme = "nats" if name == "nats_url" else "mongodb"
    with pytest.raises(ValidationError) as refused:
        RouterSettings.model_validate({name: f"{scheme}://router:{password}@host:1"})
    assert f"{name.upper()}: its password " in str(refused.value)
    assert "openssl rand" in str(refused.value)
    assert password in ("", "password") or password not in str(refused.value), "the log must not show it"


def test_one_weak_server_of_several_is_enough() -> None:
    good = random.Random(1).randbytes(24).hex()
    with pytest.raises(ValidationError, match="NATS_URL"):
        RouterSettings(nats_url=f"nats://router:{good}@one:4222,nats://router:changeme@two:4222")
    with pytest.raises(ValidationError, match="MONGO_URL"):
        RouterSettings(mongo_url="mongodb://router:changeme%2Dchangeme%2Dchangeme@one:1,two:2/?replicaSet=rs0")


def test_random_passwords_are_never_refused(seed: int) -> None:
    chance = random.Random(seed)
    for length in (18, 24, 32):
        for _ in range(1_000):
            raw = chance.randbytes(length)
            for text in (raw.hex(), base64.urlsafe_b64encode(raw).decode().rstrip("=")):
                assert weakness(text) is None, text


def test_passphrases_and_passwords_with_known_words_inside_are_not_refused() -> None:
    for text in ("correct horse battery staple", "admin-9f8a7c6e5d4b3a2f1e0d", "fUzzy-47-otter.plays_chess"):
        assert weakness(text) is None


def test_local_mode_and_addresses_without_a_password_start() -> None:
    assert RouterSettings(environment="local", nats_url="nats://router:x@host:1")
    open_servers = RouterSettings(nats_url="nats://host:4222", mongo_url="mongodb://host:27017/?replicaSet=rs0")
    assert [line.split()[0] for line in start_advice("router", open_servers, {})] == ["NATS_URL", "MONGO_URL"]
    assert start_advice("router", RouterSettings(environment="local"), {}) == []
