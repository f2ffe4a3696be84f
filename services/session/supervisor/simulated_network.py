"""Where the simulator is reached, for instances on the simulated network.

An unmodified library is led to the simulator instead of WhatsApp in three places: the address (by a proxy), the TLS
roots (by SSL_CERT_FILE, read by Go at exec) and the pinned root of the Noise certificates (`noise_root.py` of workers).
"""

from dataclasses import dataclass

import httpx


@dataclass(frozen=True)
class SimulatedNetwork:
    """proxy: URL for Start.proxy; ca: path of the PEM file; noise_root: 64 hexadecimal digits."""

    proxy: str
    ca: str
    noise_root: str


async def find_simulated_network(simulator_url: str) -> SimulatedNetwork:
    """Ask the simulator's control interface. Raises httpx.HTTPError when it does not answer.

    Root certificates are loaded for https alone: they take 0.7 MB and 13 ms each time.
    """
    uses_tls = httpx.URL(simulator_url).scheme == "https"
    async with httpx.AsyncClient(base_url=simulator_url, trust_env=False, verify=uses_tls, timeout=5) as http:
        response = await http.get("/network")
    network = response.raise_for_status().json()
    return SimulatedNetwork(network["proxy"], network["ca"], network["noise_root"])
