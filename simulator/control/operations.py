"""Routes of the whole network: its addresses, statistics, server faults, load and the demo."""

from typing import Any

from simulator.control import bodies
from simulator.control.errors import Conflict
from simulator.control.routes import RouteCall, RouteTable
from simulator.load import LoadPlan, LoadRun
from simulator.scenario import DemoScenario

table = RouteTable()


@table.add("GET", "/health", "Whether the simulator runs")
async def health(_: RouteCall) -> Any:
    return {"status": "ok"}


@table.add("GET", "/network", "Where clients find the network, and what they must trust")
async def network(call: RouteCall) -> Any:
    world = call.context.world
    return {"proxy": world.proxy_url, "ca": str(world.service.ca_path), "noise_root": world.noise_root}


@table.add("GET", "/faults", "What is set to go wrong for everybody")
async def faults(call: RouteCall) -> Any:
    faults = call.context.world.network.faults
    return {"refuse_connections": faults.refuse_connections, "media_fail_with": faults.media_fail_with}


@table.add("PUT", "/faults", "Set what goes wrong for everybody; {} = nothing", body=bodies.ServerFaults)
async def set_faults(call: RouteCall) -> Any:
    faults = call.context.world.network.faults
    faults.refuse_connections, faults.media_fail_with = call.body.refuse_connections, call.body.media_fail_with
    return call.body.model_dump()


@table.add("GET", "/statistics", "Per phone: written, delivered, acknowledged, redelivered, pending, received")
async def statistics(call: RouteCall) -> Any:
    world = call.context.world
    counts = {number: world.network.delivery.ledger(number).counts() for number in world.phones}
    return {
        "accounts": counts,
        "connections": len(world.network.connections),
        "unknown": world.network.unknown_stanzas[-20:],
    }


@table.add("POST", "/load", "Contacts write at a steady rate", body=bodies.NewLoad, status=202)
async def start_load(call: RouteCall) -> Any:
    context, body = call.context, call.body
    if context.load is not None and context.load.running:
        raise Conflict("a load run is under way: wait until GET /load says that it is not running")
    if (body.seconds is None) == (body.count is None):
        raise ValueError("give either seconds or count")
    count = body.count or round(body.rate * body.seconds)
    numbers = [body.to] if isinstance(body.to, str) else body.to
    phones = tuple(context.phone(number) for number in numbers)
    contacts = tuple(context.contact(number) for number in body.contacts)
    plan = LoadPlan(phones, contacts, body.rate, max(count, 1))
    context.load = LoadRun(plan)
    context.load.start()
    return context.load.progress()


@table.add("GET", "/load", "Progress of the load run; ids=1 adds the message ids", query=("ids",))
async def load(call: RouteCall) -> Any:
    run = call.context.load
    if run is None:
        return {"running": False, "planned": 0, "sent": 0, "ids": []}
    return run.progress() | ({"ids": run.ids()} if call.number("ids", 0, 1) else {})


@table.add("POST", "/demo", "Start the scripted day with a phone", body=bodies.NewDemo, status=202)
async def start_demo(call: RouteCall) -> Any:
    context = call.context
    if context.scenario is not None and context.scenario.running:
        raise Conflict("the scripted day is under way: GET /demo shows it")
    context.scenario = DemoScenario(context.world, context.phone(call.body.number))
    context.scenario.start()
    return context.scenario.progress()


@table.add("GET", "/demo", "How far the scripted day is")
async def demo(call: RouteCall) -> Any:
    return call.context.scenario.progress() if call.context.scenario else {"running": False, "steps": []}
