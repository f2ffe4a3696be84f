"""Errors of the launcher name what is missing or taken, and the remedy."""

import socket
from pathlib import Path

import pytest

from deploy.local import ports, up
from deploy.local.__main__ import main, make_parser
from deploy.local.binaries import MissingBinary
from deploy.local.orphan_cleanup import groups_left
from deploy.local.ports import PortTaken
from deploy.local.server_requirements import explain, require_runnable


def test_a_taken_port_is_named_with_its_process() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} is taken by .*process \d+\): stop it, or .*--port N"):
            ports.require_free([port])


def test_free_ports_are_free_and_in_a_row() -> None:
    first = ports.free_port_range()
    ports.require_free(range(first, first + 10))


def test_a_missing_library_of_mongod_is_named_with_its_package() -> None:
    said = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    assert "apt-get install libcurl4" in explain("mongod", said)


def test_any_other_reason_is_passed_on() -> None:
    assert explain("mongod", "first\nIllegal instruction\n").endswith("Illegal instruction")
    assert explain("mongod", "").endswith("no reason given")


def test_a_program_that_cannot_run_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\necho 'libcrypto.so.3: not found' >&2\nexit 127\n")
    program.chmod(0o755)
    with pytest.raises(MissingBinary, match="libssl3"):
        require_runnable(program)
    with pytest.raises(MissingBinary, match="cannot be run"):
        require_runnable(tmp_path)


@pytest.mark.parametrize("port", ["0", "80", "70000", "65530", "x", "-1"])
def test_an_impossible_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["up", f"--port={port}"])
    assert "give a number from 1024 to 65525" in capsys.readouterr().err


def test_an_unknown_argument_of_up_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--data", str(tmp_path), "--prot", "3000"])
    assert "--prot" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_bench_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench"]) == 2
    assert "latency" in capsys.readouterr().err


def test_a_relative_folder_is_relative_to_the_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_FROM", "/home/nina")
    assert up.data_path("shop", Path("/project")) == Path("/home/nina/shop")
    assert up.data_path("/srv/shop", Path("/project")) == Path("/srv/shop")
    assert up.data_path(None, Path("/project")) == Path("/project/.switchboard")


def test_the_orphan_cleanup_stops_only_running_groups_and_none_after_done() -> None:
    assert groups_left(["+1\n", "+2\n", "-1\n", "+3\n"]) == [2, 3]
    assert groups_left(["+1\n", "done\n"]) == []
