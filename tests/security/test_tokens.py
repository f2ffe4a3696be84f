"""Forged access tokens are refused, and only the api can issue one."""

import base64
import json
import string
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from deploy.local import process_specs
from services.api.settings import ApiSettings
from services.realtime.settings import RealtimeSettings
from services.router.settings import RouterSettings
from services.session.settings import SessionSettings
from shared.contracts.access_tokens import issue_token, read_token
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal
from shared.platform.token_keys import InvalidKey, SigningKey, VerificationKeys
from shared.service import start_advice
from tests.component.api import conftest
from tests.component.api.conftest import Api, Member
from tests.token_keys import PRIVATE_KEY, PUBLIC_KEY, SIGNING_KEY, VERIFICATION_KEYS

own_bus, settings, api, member = conftest.own_bus, conftest.settings, conftest.api, conftest.member
OTHER = SigningKey.generate()
HEADER = {"kid": SIGNING_KEY.kid}


def claims(**changes: Any) -> dict[str, Any]:
    now = utc_now()
    all_of_them = {
        "iss": "switchboard",
        "sub": "anna",
        "org": "acme",
        "iat": now,
        "exp": now + timedelta(hours=1),
        "scopes": ["manage", "read", "send"],
        "role": "owner",
    }
    return {name: value for name, value in (all_of_them | changes).items() if value is not None}


def joined(header: object, body: object, signature: str = "") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, body)]
    return ".".join([*parts, signature])


def hmac_with(secret: bytes, **changes: Any) -> str:
    """HS256, signed by hand: PyJWT refuses to sign with a public key."""
    signing = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    body = {**claims(**changes), "iat": 1_700_000_000, "exp": 4_000_000_000}
    unsigned = joined({"alg": "HS256", "typ": "JWT", **HEADER}, body)[:-1]
    return f"{unsigned}.{base64.urlsafe_b64encode(signing.sign(unsigned.encode(), secret)).rstrip(b'=').decode()}"


def public(encoding: serialization.Encoding, kind: serialization.PublicFormat) -> bytes:
    return SIGNING_KEY.private.public_key().public_bytes(encoding, kind)


def signed(key: SigningKey = SIGNING_KEY, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key.private, algorithm="EdDSA", headers=headers or HEADER)


E, F = serialization.Encoding, serialization.PublicFormat
BODY = {"sub": "anna", "org": "acme", "iss": "switchboard", "iat": 1, "exp": 4_000_000_000, "scopes": ["read"]}
FORGED: dict[str, Callable[[], str]] = {
    "no algorithm": lambda: joined({"alg": "none", "typ": "JWT", **HEADER}, BODY),
    "no algorithm in capitals": lambda: joined({"alg": "NONE", **HEADER}, BODY),
    "an algorithm that is a list": lambda: joined({"alg": ["EdDSA"], **HEADER}, BODY),
    "HMAC with the public key as set": lambda: hmac_with(PUBLIC_KEY.encode()),
    "HMAC with the public key in DER": lambda: hmac_with(public(E.DER, F.SubjectPublicKeyInfo)),
    "HMAC with the public key in PEM": lambda: hmac_with(public(E.PEM, F.SubjectPublicKeyInfo)),
    "HMAC with the raw public key": lambda: hmac_with(public(E.Raw, F.Raw)),
    "HMAC with nothing": lambda: hmac_with(b""),
    "HMAC with the key id": lambda: hmac_with(SIGNING_KEY.kid.encode()),
    "a foreign key under its own id": lambda: signed(OTHER, {"kid": OTHER.kid}),
    "a foreign key under our id": lambda: signed(OTHER),
    "a foreign key that the header brings": lambda: signed(
        OTHER,
        {"kid": SIGNING_KEY.kid, "jwk": json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(OTHER.private.public_key()))},
    ),
    "a key id that is a path": lambda: signed(headers={"kid": "../../../../dev/null"}),
    "a key id that is a query": lambda: signed(headers={"kid": "' OR 1=1 --"}),
    "no key id": lambda: jwt.encode(claims(), SIGNING_KEY.private, algorithm="EdDSA"),
    "a changed body": lambda: joined(HEADER | {"alg": "EdDSA"}, BODY, signed().rpartition(".")[2]),
    "a cut signature": lambda: signed()[:-8],
    "no subject": lambda: signed(sub=None),
    "no organization": lambda: signed(org=None),
    "no issuer": lambda: signed(iss=None),
    "another issuer": lambda: signed(iss="somebody"),
    "no scopes": lambda: signed(scopes=None),
    "unknown scopes": lambda: signed(scopes=["everything"]),
    "no end": lambda: signed(exp=None),
    "no beginning": lambda: signed(iat=None),
    "a subject that is a list": lambda: signed(sub=["anna"]),
    "an organization that is a pattern": lambda: signed(org={"$ne": ""}),
    "a role nobody has": lambda: signed(role="root"),
    "a header nested 3,000 deep": lambda: base64.urlsafe_b64encode(b"[" * 3_000).decode() + ".e30.x",
    "a header nested 100,000 deep": lambda: base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".e30.x",
    "very long": lambda: "a" * 5_000,
    "nothing": lambda: "..",
    "no text": lambda: "\x00.\x00.\x00",
    "half a character": lambda: "\ud800.\ud800.\ud800",
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_refused(kind: str) -> None:
    with pytest.raises(Problem) as refused:
        read_token(FORGED[kind](), VERIFICATION_KEYS)
    assert (refused.value.status, refused.value.code) == (401, "token_invalid")


def test_the_same_claims_with_the_real_key_are_read() -> None:
    """Otherwise the refusals above would prove nothing."""
    assert read_token(signed(), VERIFICATION_KEYS).role == "owner"


async def test_the_api_refuses_every_forged_token(api: Api, member: Member) -> None:
    names = [name for name in FORGED if name not in ("half a character", "no text", "a header nested 100,000 deep")]
    async with api.client() as http:
        answers = [
            await http.get("/api/organization", headers={"Authorization": f"Bearer {FORGED[name]()}"}) for name in names
        ]
    wrong = [name for name, answer in zip(names, answers, strict=True) if answer.status_code != 401]
    assert wrong == []


async def test_nothing_but_the_api_holds_what_signs_a_token(api: Api, member: Member) -> None:
    """What any other process of the launcher is given is tried as a key."""
    places = {name: f"<{name}>" for process in process_specs.PROCESSES for name in _places(process)} | {
        "token_private_key": PRIVATE_KEY,
        "token_public_key": PUBLIC_KEY,
        "token_secret": PRIVATE_KEY,
    }
    given = {
        value
        for process in process_specs.PROCESSES
        if process.name != "api"
        for value in process_specs.fill_placeholders(process, 3000, places)[1].values()
    }
    async with api.client() as http:
        for value in given:
            token = hmac_with(value.encode(), sub=member.user_id, org=member.organization_id)
            answer = await http.get("/api/organization", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401


def _places(process: process_specs.ProcessTemplate) -> list[str]:
    texts = [*process.command, *process.env.values()]
    return [name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name]


def test_only_the_api_knows_a_private_key_and_router_and_session_know_none() -> None:
    fields = {
        service.__name__: {name for name in service.model_fields if "key" in name or "secret" in name}
        for service in (ApiSettings, RealtimeSettings, RouterSettings, SessionSettings)
    }
    assert fields == {
        "ApiSettings": {"token_private_key", "token_former_public_keys"},
        "RealtimeSettings": {"token_public_key"},
        "RouterSettings": set(),
        "SessionSettings": set(),
    }


async def test_a_token_that_names_another_organization_than_its_users_is_refused(api: Api, member: Member) -> None:
    async with api.member() as victim:
        crossed = Principal(organization_id=victim.organization_id, subject=member.user_id).with_role("owner")
        token = issue_token(crossed, SIGNING_KEY, timedelta(minutes=5))
        async with api.client(Authorization=f"Bearer {token}") as http:
            answer = await http.get("/api/organization")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_a_token_without_a_user_is_refused(api: Api, member: Member) -> None:
    for subject in (new_id(), "", "key:" + new_id()):
        principal = Principal(organization_id=member.organization_id, subject=subject).with_role("owner")
        token = issue_token(principal, SIGNING_KEY, timedelta(minutes=5))
        async with api.client(Authorization=f"Bearer {token}") as http:
            answer = await http.get("/api/organization")
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_a_token_with_the_login_of_another_user_is_refused(api: Api, member: Member) -> None:
    """Naming an open login of another user does not restore a removed one."""
    login = await api.database.logins.insert_one({"_id": new_id(), "user_id": "somebody else", "revoked_at": None})
    mine = Principal(organization_id=member.organization_id, subject=member.user_id, session_id=str(login.inserted_id))
    token = issue_token(mine.with_role("owner"), SIGNING_KEY, timedelta(minutes=5))
    async with api.client(Authorization=f"Bearer {token}") as http:
        assert (await http.get("/api/organization")).json()["code"] == "login_ended"


def test_a_key_pair_is_replaced_without_ending_tokens() -> None:
    old = issue_token(Principal(organization_id="acme", subject="anna"), SIGNING_KEY, timedelta(minutes=5))
    new = issue_token(Principal(organization_id="acme", subject="anna"), OTHER, timedelta(minutes=5))
    realtime = RealtimeSettings(token_public_key=f"{OTHER.public_text}, {PUBLIC_KEY}")
    api_settings = ApiSettings(token_private_key=OTHER.text, token_former_public_keys=PUBLIC_KEY)
    for keys in (realtime.verification_keys, api_settings.verification_keys):
        assert [read_token(token, keys).subject for token in (old, new)] == ["anna", "anna"]
    with pytest.raises(Problem):
        read_token(old, ApiSettings(token_private_key=OTHER.text).verification_keys)


X25519 = base64.b64encode(bytes.fromhex("302a300506032b656e032100" + "07" * 32)).decode()
ZEROS = base64.b64encode(bytes.fromhex("302e020100300506032b657004220420" + "00" * 32)).decode()
WEAK_PUBLIC = base64.b64encode(bytes.fromhex("302a300506032b6570032100" + "01" + "00" * 31)).decode()


@pytest.mark.parametrize(
    "text",
    ["", "changeme", "a" * 64, "0123456789abcdef" * 4, ZEROS, PUBLIC_KEY, PRIVATE_KEY[:-8]],
    ids=["empty", "placeholder", "repeated", "pattern", "zeros", "public", "cut"],
)
def test_the_api_does_not_start_without_a_real_private_key(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ApiSettings(token_private_key=text)
    assert "openssl genpkey -algorithm ed25519" in str(refused.value)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["", ",", "changeme", PRIVATE_KEY, X25519, WEAK_PUBLIC, f"{PUBLIC_KEY},changeme"],
    ids=["empty", "comma", "placeholder", "private", "x25519", "low order", "one of two"],
)
def test_realtime_does_not_start_without_real_public_keys(text: str) -> None:
    """A private key where the public one belongs is refused too: realtime must not hold it."""
    with pytest.raises(ValidationError) as refused:
        RealtimeSettings(token_public_key=text)
    assert "-pubout" in str(refused.value)
    assert PRIVATE_KEY not in str(refused.value)


def test_the_old_secret_setting_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WA_TOKEN_SECRET", "s" * 40)
    with pytest.raises(ValidationError, match="WA_TOKEN_SECRET is no longer used: remove it"):
        ApiSettings()
    with pytest.raises(ValidationError, match="WA_TOKEN_SECRET is no longer used: remove it"):
        RealtimeSettings()
    settings = RealtimeSettings(token_public_key=PUBLIC_KEY, environment="local")
    environ = {"WA_TOKEN_SECRET": "s" * 40, "WA_TOKEN_PRIVATE_KEY": PRIVATE_KEY}
    advice = start_advice("realtime", settings, environ)
    assert [line.split()[0] for line in advice] == ["WA_TOKEN_SECRET", "WA_TOKEN_PRIVATE_KEY"]
    assert PRIVATE_KEY not in "".join(advice)


def test_a_printed_setting_shows_no_private_key() -> None:
    assert PRIVATE_KEY not in repr(ApiSettings(token_private_key=PRIVATE_KEY))


def test_keys_of_openssl_are_read() -> None:
    """As deploy/generate-env makes them."""
    seed = base64.b64decode(PRIVATE_KEY)
    assert seed[:16].hex() == "302e020100300506032b657004220420"
    assert VerificationKeys.parse(SigningKey.parse(f" {PRIVATE_KEY}\n").public_text).by_kid.keys() == {SIGNING_KEY.kid}
    with pytest.raises(InvalidKey, match="not a private key"):
        SigningKey.parse("-----BEGIN PRIVATE KEY-----")
