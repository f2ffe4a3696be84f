"""The simulator is asked where its network is; its certificate is verified when it has one."""

import httpx
import pytest

from services.session.supervisor.simulated_network import SimulatedNetwork, find_simulated_network

ANSWER = {"proxy": "http://127.0.0.1:1", "ca": "/tmp/ca.pem", "noise_root": "ab" * 32}


@pytest.mark.parametrize(("scheme", "verified"), [("https", True), ("HTTPS", True), ("http", False)])
async def test_certificates_are_loaded_for_https_alone(
    monkeypatch: pytest.MonkeyPatch, scheme: str, verified: bool
) -> None:
    options: list[object] = []

    class Client(httpx.AsyncClient):
        def __init__(self, *, base_url: str, trust_env: bool, verify: bool, timeout: float) -> None:
            options.append(verify)
            transport = httpx.MockTransport(lambda _: httpx.Response(200, json=ANSWER))
            super().__init__(base_url=base_url, transport=transport, trust_env=trust_env, timeout=timeout)

    monkeypatch.setattr(httpx, "AsyncClient", Client)
    assert await find_simulated_network(f"{scheme}://simulator:3005") == SimulatedNetwork(**ANSWER)
    assert options == [verified]
