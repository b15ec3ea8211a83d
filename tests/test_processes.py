"""A server's processes are watched, and ended with everything that they started."""

from __future__ import annotations

import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgi_conformance.fixtures.processes import ServerProcess

LONGEST = 20.0
_HELPER = """
import os, signal, socket, subprocess, sys

def report(text):
    line = socket.create_connection(("127.0.0.1", int(os.environ["REPORT_TO"])))
    line.sendall(text.encode() + b"\\n")
    return line

def wait(line):
    return line.recv(100)
"""
Start = Callable[[str], ServerProcess]


class Lines:
    """The connections that the processes of a test hold open for as long as they live."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LONGEST)
        self.port: int = self._listener.getsockname()[1]
        self._lines: list[socket.socket] = []

    def take(self) -> tuple[socket.socket, str]:
        """Wait for a process to report, and return its connection and what it says."""
        line, _ = self._listener.accept()
        line.settimeout(LONGEST)
        self._lines.append(line)
        return line, line.makefile().readline().strip()

    def close(self) -> None:
        """Let go of all of them."""
        for line in self._lines:
            line.close()
        self._listener.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Where the processes report."""
    opened = Lines()
    yield opened
    opened.close()


@pytest.fixture
def start(lines: Lines, tmp_path: Path) -> Iterator[Start]:
    """A function that starts a server process which runs a Python script."""
    started: list[ServerProcess] = []

    def begin(script: str) -> ServerProcess:
        mark = f"mark-{uuid.uuid4().hex}"
        environment = {**os.environ, "REPORT_TO": str(lines.port), "MARK": mark}
        process = ServerProcess([sys.executable, "-c", _HELPER + script], environment, tmp_path, mark)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()


def is_dead(line: socket.socket) -> bool:
    """Tell whether the process at the other end is not there any more; waits while it is."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_process_that_runs_has_no_exit_status(start: Start, lines: Lines) -> None:
    """The status is there once the process has ended by itself."""
    process = start("wait(report('ready')); sys.exit(7)")
    line, _ = lines.take()
    assert process.exit_status is None
    line.sendall(b"go")
    assert process.wait(LONGEST)
    assert process.exit_status == 7


def test_a_program_that_does_not_exist(tmp_path: Path) -> None:
    """It cannot be started, and the caller is told."""
    with pytest.raises(FileNotFoundError):
        ServerProcess([str(tmp_path / "nothing")], {}, tmp_path, "no mark")


def test_stop_lets_the_server_take_its_leave(start: Start, lines: Lines) -> None:
    """SIGTERM comes first, and a server that ends upon it ends with a status of its own."""
    process = start("signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); wait(report('ready'))")
    line, _ = lines.take()
    process.stop()
    assert process.exit_status == 5
    assert is_dead(line)


def test_stop_ends_a_server_that_ignores_sigterm(start: Start, lines: Lines) -> None:
    """After the grace the process is killed."""
    process = start("signal.signal(signal.SIGTERM, signal.SIG_IGN); wait(report('ready'))")
    line, _ = lines.take()
    process.stop(grace=0.05)
    assert process.exit_status == -signal.SIGKILL
    assert is_dead(line)


_CHILD = "subprocess.Popen([sys.executable, '-c', %r], start_new_session=%r)"


@pytest.mark.parametrize("own_session", [False, True], ids=["in its group", "in a session of its own"])
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_end_takes_everything_that_the_server_started(
    start: Start, lines: Lines, own_session: bool, end: str
) -> None:
    """A grandchild ends with the server, also when it has left the server's process group."""
    grandchild = _HELPER + "signal.signal(signal.SIGTERM, signal.SIG_IGN); wait(report('grandchild'))"
    child = _HELPER + _CHILD % (grandchild, own_session) + "\nwait(report('child'))"
    process = start(_CHILD % (child, False) + "\nwait(report('server'))")
    names = {}
    for _ in range(3):
        line, name = lines.take()
        names[name] = line
    getattr(process, end)()
    assert process.exit_status is not None
    assert {name: is_dead(line) for name, line in names.items()} == {"server": True, "child": True, "grandchild": True}


def test_the_end_takes_what_outlives_the_server(start: Start, lines: Lines) -> None:
    """A child that is left behind by a server which has ended already is ended all the same."""
    child = _HELPER + "wait(report('child'))"
    process = start(_CHILD % (child, True))
    line, _ = lines.take()
    assert process.wait(LONGEST)
    process.stop()
    assert is_dead(line)


def test_ending_twice_is_ending_once(start: Start, lines: Lines) -> None:
    """What has been ended can be ended again."""
    process = start("wait(report('ready'))")
    lines.take()
    process.kill()
    process.kill()
    process.stop()
    assert process.exit_status == -signal.SIGKILL


def test_the_log_holds_both_streams(start: Start, lines: Lines) -> None:
    """Standard output and standard error are kept, whatever bytes they are."""
    start_of = "os.write(1, b'to stdout \\xff\\n'); os.write(2, b'to stderr\\n'); "
    process = start(start_of + "wait(report('ready'))")
    lines.take()
    assert process.log() == "to stdout \ufffd\nto stderr\n"


def test_the_log_since_a_position_holds_what_came_after_it(start: Start, lines: Lines) -> None:
    """A mark taken between two messages, on either stream, parts them."""
    process = start(
        "os.write(1, b'one\\n'); line = report('ready'); wait(line)\n"
        "os.write(2, b'two\\n'); os.write(1, b'three\\n'); line.sendall(b'.'); wait(line)"
    )
    line, _ = lines.take()
    position = process.log_position()
    assert process.log(position) == ""
    line.sendall(b"go")
    assert line.recv(1) == b"."
    assert process.log(position) == "three\ntwo\n"
    assert process.log() == "one\nthree\ntwo\n"
