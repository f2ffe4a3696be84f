"""The lease of a node on a real nats-server."""

from nats.aio.client import Client

from services.session.supervisor.node_lease import NodeLease
from shared.contracts.registry import LEASES_BUCKET
from shared.messaging.client import jetstream


async def test_an_existing_bucket_gets_the_new_time_to_live(nats_url: str) -> None:
    client = Client()
    await client.connect(nats_url)
    js = jetstream(client)
    for ttl in (40.0, 25.0, 30.0):
        await NodeLease(js, "node-of-this-test", ttl).acquire()
        assert (await js.stream_info(f"KV_{LEASES_BUCKET}")).config.max_age == ttl
    await client.close()


async def test_a_node_without_a_lease_is_not_live(nats_url: str) -> None:
    client = Client()
    await client.connect(nats_url)
    one, other = (NodeLease(jetstream(client), name, 30.0) for name in ("node-a", "node-b"))
    await one.acquire()
    await other.acquire()
    assert {"node-a", "node-b"} <= await one.live_nodes()
    await (await jetstream(client).key_value(LEASES_BUCKET)).delete("node-b")
    assert "node-b" not in await one.live_nodes()
    await client.close()
