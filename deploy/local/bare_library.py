"""The library alone in one process, for comparison: linked accounts that send in a closed loop, and keep nothing.

`python -m deploy.local.bare_library` is that process: it links the accounts, prints a line, and measures.
"""

import argparse
import asyncio
import itertools
import json
import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from deploy.local import process_specs
from deploy.local.send_accounts import CONTACTS_PER_ACCOUNT
from deploy.local.sends_report import SendFigures, figures
from deploy.local.stack import Options, Stack
from services.session.supervisor.simulated_network import find_simulated_network
from services.session.supervisor.zygote_environment import zygote_environment
from services.session.worker.library.noise_root import trust_noise_root
from simulator.client import BlockingSimulatorClient, ControlRequest, scan

PROCESS = "library"
_LINK_TIMEOUT_S = 60.0
_SIMULATOR = tuple(process for process in process_specs.PROCESSES if process.name == "simulator")


async def measure(accounts: int, callers: Sequence[int], seconds: float) -> list[SendFigures]:
    """The figures for each number of callers. Raises RuntimeError when the process fails."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        options = Options(data=Path(folder) / "stack", port=0, processes=_SIMULATOR)
        async with Stack(options) as stack:
            network = await find_simulated_network(stack.ready["simulator"])
            arguments = [stack.ready["simulator"], folder, str(accounts), str(seconds), *map(str, callers)]
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                __name__,
                *arguments,
                cwd=process_specs.ROOT,
                env=zygote_environment(os.environ, network),
                stdout=asyncio.subprocess.PIPE,
            )
            written, _ = await process.communicate()
    if process.returncode or not written:
        raise RuntimeError("the process of the bare library failed; its error is above")
    return [
        figures(
            f"bare library, {row['callers']} at once",
            row["durations_s"],
            row["elapsed_s"],
            processor_s={PROCESS: row["processor_s"]},
        )
        for row in json.loads(written.splitlines()[-1])
    ]


class _LinkingListener:
    """Remembers what the library reports while an account is linked; ignores everything else."""

    def __init__(self) -> None:
        self.qr: str | None = None
        self.changed = threading.Condition()
        self.connected = False

    def on_device(self, device: Any) -> None: ...
    def on_pairing_status(self, status: str) -> None: ...
    def on_malformed_event(self, name: str) -> None: ...
    def on_login_refused(self, failure: Any) -> None: ...
    def on_connection_ended(self, error: str | None, server_answered: bool) -> None: ...

    def on_raw_event(self, name: str, raw: bytes) -> bool:
        return False

    def on_qr(self, code: str) -> None:
        with self.changed:
            self.qr = self.qr or code
            self.changed.notify_all()

    def on_event(self, name: str, event: Any) -> None:
        if name == "Connected":
            with self.changed:
                self.connected = True
                self.changed.notify_all()

    def wait_for(self, attribute: str) -> Any:
        with self.changed:
            if not self.changed.wait_for(lambda: getattr(self, attribute), _LINK_TIMEOUT_S):
                raise TimeoutError(f"no {attribute} within {_LINK_TIMEOUT_S} s")
            return getattr(self, attribute)


class BareLibrary:
    """Linked clients of the library, each with the contacts it writes to."""

    def __init__(self, simulator_url: str, folder: Path, accounts: int) -> None:
        from services.session.worker.library.client_lock import NativeClientLock
        from services.session.worker.library.neonize_client import NeonizeClient

        network = httpx.get(f"{simulator_url}/network", trust_env=False).json()
        trust_noise_root(bytes.fromhex(network["noise_root"]))
        simulator, lock = BlockingSimulatorClient(simulator_url), NativeClientLock()
        pairs: list[list[tuple[Any, str]]] = []
        for number in range(accounts):
            directory, listener = folder / f"account-{number}", _LinkingListener()
            directory.mkdir()
            client = NeonizeClient(directory, lambda _: str(network["proxy"]), lock, listener)
            client.connect()
            phone = simulator.call(ControlRequest("POST", "/phones", {}))["number"]
            simulator.call(scan(phone, listener.wait_for("qr")))
            listener.wait_for("connected")
            body = {"auto_receipts": ["delivered"]}
            contacts = [simulator.call(ControlRequest("POST", "/contacts", body)) for _ in range(CONTACTS_PER_ACCOUNT)]
            pairs.append([(client, contact["number"]) for contact in contacts])
        by_contact = [pair for group in zip(*pairs, strict=True) for pair in group]
        for client, number in by_contact:
            client.send_text(number, "hello")
        self._targets: Iterator[tuple[Any, str]] = itertools.cycle(by_contact)

    def measure(self, callers: int, seconds: float) -> dict[str, Any]:
        """A closed loop of `callers` threads."""
        durations_s: list[float] = []
        processor_s, started_at = time.process_time(), time.perf_counter()

        def call() -> None:
            while (begun := time.perf_counter()) < started_at + seconds:
                client, number = next(self._targets)
                client.send_text(number, "a table for four on Friday evening, please")
                durations_s.append(time.perf_counter() - begun)

        with ThreadPoolExecutor(callers) as pool:
            for task in [pool.submit(call) for _ in range(callers)]:
                task.result()
        return {
            "callers": callers,
            "durations_s": durations_s,
            "elapsed_s": time.perf_counter() - started_at,
            "processor_s": time.process_time() - processor_s,
        }


def main() -> None:
    """Writes the measurements as the last line of stdout, and ends without stopping the library."""
    parser = argparse.ArgumentParser(prog="bare_library", description=__doc__)
    parser.add_argument("simulator_url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("accounts", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("callers", type=int, nargs="+")
    args = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    library = BareLibrary(args.simulator_url, args.folder, args.accounts)
    rows = [library.measure(callers, args.seconds) for callers in args.callers]
    sys.stdout.write("\n" + json.dumps(rows) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
