"""Logs the first user in, or registers them, through the api."""

from dataclasses import dataclass

import httpx

from deploy.local.data_folder import Secrets


@dataclass(frozen=True)
class FirstLogin:
    """An access token and its organization; both None when the password in the data folder is no longer valid."""

    token: str | None
    organization_id: str | None


class FirstUserError(RuntimeError):
    """The api refused the first user; the message says why."""


async def first_login(api: str, secrets: Secrets, http: httpx.AsyncClient) -> FirstLogin:
    """Logs in; registers the user first when there is none yet. Raises FirstUserError."""
    body = {"email": secrets.email, "password": secrets.password}
    response = await http.post(f"{api}/api/auth/login", json=body, timeout=30)
    if response.status_code == 401:
        registration = body | {"name": "Owner", "organization_name": "My organization"}
        response = await http.post(f"{api}/api/auth/register", json=registration, timeout=30)
        if response.status_code in (403, 409):
            return FirstLogin(None, None)
    if response.is_error:
        raise FirstUserError(f"the api refused the first user ({response.status_code}): {response.text[:300]}")
    answer = response.json()
    return FirstLogin(answer["token"], answer["organization_id"])
