"""Two servers on one machine never get the same port."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from asgi_conformance.fixtures import ports
from asgi_conformance.fixtures.ports import NoFreePort, Port

HOST = "127.0.0.1"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Port], None]:
    """A function that leaves no other pair of ports to choose from than that of a given one."""

    def narrow(port: Port) -> None:
        monkeypatch.setattr(ports, "_LOWEST", port.number - 1)
        monkeypatch.setattr(ports, "_first_ephemeral", lambda: port.number + 2)

    return narrow


def test_a_port_is_odd_and_below_the_ephemeral_range() -> None:
    """It is the second of a pair, where the operating system gives no port away by itself."""
    port = Port()
    assert port.number % 2 == 1
    assert 10240 < port.number < ports._first_ephemeral()
    port.close()


def test_the_server_can_bind_its_port_while_it_is_reserved() -> None:
    """The reservation is the even port's; the odd one is free."""
    port = Port()
    with socket.create_server((HOST, port.number)):
        port.close()


def test_a_reserved_port_is_nobody_else_s(only: Callable[[Port], None]) -> None:
    """As long as it is reserved it is not given away again, and afterwards it is."""
    port = Port()
    only(port)
    with pytest.raises(NoFreePort, match="no free pair of ports between"):
        Port()
    port.close()
    again = Port()
    assert again.number == port.number
    again.close()


def test_a_reserved_port_is_no_other_process_s() -> None:
    """The reservation holds between processes."""
    port = Port()
    script = (
        "import sys\n"
        "from asgi_conformance.fixtures import ports\n"
        "ports._LOWEST = int(sys.argv[1]) - 1\n"
        "ports._first_ephemeral = lambda: int(sys.argv[1]) + 2\n"
        "try:\n    ports.Port()\nexcept ports.NoFreePort:\n    print('taken')"
    )
    command = [sys.executable, "-c", script, str(port.number)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "taken\n"
    port.close()


def test_a_port_at_which_somebody_listens_is_not_given_away(only: Callable[[Port], None]) -> None:
    """A server that somebody else runs at the odd port of a pair is not in the way."""
    port = Port()
    only(port)
    with socket.create_server((HOST, port.number)):
        port.close()
        with pytest.raises(NoFreePort):
            Port()
