"""`bench attack`: how long an organization's requests take alone, and while attackers load the same servers."""

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local import attack_load, process_specs
from deploy.local.attack_load import AttackCounts, AttackPlan
from deploy.local.attack_monitor import MemoryMonitor, ProcessorUsage, monitored
from deploy.local.attack_report import ATTACKERS, AttackReport, PhaseSamples
from deploy.local.attack_setup import HISTORY_EVENTS, LinkedOrganization, create_organization, publish_history
from deploy.local.attack_victim import REQUEST_TIMEOUT_S, VictimClient, connected_victim
from deploy.local.stack import Options, Stack
from simulator.client import SimulatorClient, set_faults

DEFAULT_RATE_PER_S, DEFAULT_PHASE_S, DEFAULT_LOGIN_S, DEFAULT_SEND_S = 2.0, 60.0, 10.0, 30.0
DEFAULT_WARM_UP_S, DEFAULT_RECOVERY_S = 5.0, 5.0


@dataclass(frozen=True)
class AttackSettings:
    """rate: of each operation of the victim, per second. seconds, alone: of the phases with and without attackers.

    login_seconds, send_seconds: the attackers' logins and sends begin within this time. events: length of the history
    that attackers request and do not read. warm_up: seconds before the first phase. after: seconds until the last
    measurement of the memory.
    """

    rate: float = DEFAULT_RATE_PER_S
    seconds: float = DEFAULT_PHASE_S
    alone: float = DEFAULT_PHASE_S
    counts: AttackCounts = field(default_factory=AttackCounts)
    login_seconds: float = DEFAULT_LOGIN_S
    send_seconds: float = DEFAULT_SEND_S
    events: int = HISTORY_EVENTS
    warm_up: float = DEFAULT_WARM_UP_S
    after: float = DEFAULT_RECOVERY_S


async def measure(stack: Stack, load: AttackSettings) -> AttackReport:
    """Measures the victim alone, then under attack, then the memory some seconds later."""
    victims = await create_organization(stack.ready, "victim")
    attackers = await create_organization(stack.ready, "attackers")
    await _prepare(stack, attackers, load.events)
    async with connected_victim(stack.ready["api"], victims) as victim:
        await victim.work(load.rate, load.warm_up)  # first messages: keys, contacts, connections
        first = ProcessorUsage.of(stack)
        alone = await victim.work(load.rate, load.alone)
        second, monitor = ProcessorUsage.of(stack), MemoryMonitor(stack)
        async with monitored(monitor):
            attacked, outcome = await _run_beside_attackers(victim, _plan(stack, victims, attackers, load), load.rate)
            third = ProcessorUsage.of(stack)
            await asyncio.sleep(load.after)
    shares = {name: (second.share(first, name), third.share(second, name)) for name in second.seconds}
    shares[ATTACKERS] = (0.0, outcome["share"])
    return AttackReport(alone, attacked, monitor.sizes(), outcome["outcomes"], shares)


async def _prepare(stack: Stack, attackers: LinkedOrganization, events: int) -> None:
    """Stores the history, and lets WhatsApp acknowledge none of the attackers' sends."""
    await publish_history(stack.ready["nats"], attackers, events)
    async with SimulatorClient(stack.ready["simulator"]) as simulator:
        await simulator.call(set_faults(attackers.phone, hold_message_acks=True))


def _plan(stack: Stack, victims: LinkedOrganization, attackers: LinkedOrganization, load: AttackSettings) -> AttackPlan:
    ports = {process.name: stack.port + process.port_offset for process in process_specs.PROCESSES}
    return AttackPlan(
        ports["front"],
        ports["realtime"],
        victims.email,
        attackers.token,
        attackers.id,
        attackers.instance_id,
        attackers.contact,
        load.seconds,
        load.login_seconds,
        load.send_seconds,
        load.counts,
    )


async def _run_beside_attackers(
    victim: VictimClient, plan: AttackPlan, rate: float
) -> tuple[PhaseSamples, dict[str, Any]]:
    """The victim's samples, and the output of the attackers' process. Raises RuntimeError when that process fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        attack_load.__name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=process_specs.ROOT,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(plan.to_json().encode() + b"\n")
        await process.stdin.drain()
        await asyncio.wait_for(process.stdout.readline(), REQUEST_TIMEOUT_S)  # it has begun
        attacked = await victim.work(rate, plan.seconds)
        written = await asyncio.wait_for(process.stdout.read(), REQUEST_TIMEOUT_S)
        if await process.wait() or not written:
            raise RuntimeError("the process of the attackers failed; its error is above")
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    outcome: dict[str, Any] = json.loads(written)
    return attacked, outcome


async def run(args: argparse.Namespace) -> int:
    """Prints the figures; 0 when no bound was exceeded."""
    counts = AttackCounts(args.frames, args.resumers, args.logins, args.sends)
    load = AttackSettings(
        args.rate, args.seconds, args.seconds, counts, args.login_seconds, args.send_seconds, args.events
    )
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with Stack(Options(data=Path(folder), port=0)) as stack:
            report = await measure(stack, load)
    shown = json.dumps(report.as_json(), indent=2) if args.json else "\n".join(report.lines())
    sys.stdout.write(shown + "\n")
    return 1 if report.violations() else 0


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="switchboard bench attack", description=__doc__)
    parser.add_argument(
        "--rate", type=float, default=DEFAULT_RATE_PER_S, help="the victim's logins, joins and sends a second, each"
    )
    parser.add_argument("--seconds", type=float, default=DEFAULT_PHASE_S, help="how long, alone and then under attack")
    parser.add_argument(
        "--frames", type=int, default=AttackCounts.frames, help="sockets that hold a frame of 16 MB each"
    )
    parser.add_argument(
        "--resumers", type=int, default=AttackCounts.resumers, help="sockets that resume and never read"
    )
    parser.add_argument("--logins", type=int, default=AttackCounts.logins, help="logins with wrong passwords")
    parser.add_argument(
        "--sends", type=int, default=AttackCounts.sends, help="sends to an account without acknowledgements"
    )
    parser.add_argument("--login-seconds", type=float, default=DEFAULT_LOGIN_S, help="over which those logins begin")
    parser.add_argument("--send-seconds", type=float, default=DEFAULT_SEND_S, help="over which those sends begin")
    parser.add_argument("--events", type=int, default=HISTORY_EVENTS, help="messages of 60 kB the resumers ask for")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
