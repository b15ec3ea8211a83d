"""Where a server listens: a Unix socket, a socket that it inherits, an IPv6 address."""

import pytest

from asgi_conformance.fixtures.checks import case, configured, requires
from asgi_conformance.fixtures.process import Process


@configured(unix=True, shared=True)
@requires("process.socket.unix")
async def test_unix_socket_is_served(process: Process) -> None:
    """A request on the Unix socket that the server was told is answered."""
    await process.serving()
    assert (await process.exchange()).status == 204


@configured(unix=True)
@requires("process.socket.unix-removed")
async def test_unix_socket_is_removed(process: Process) -> None:
    """After a graceful stop the file of the Unix socket is gone."""
    await process.start()
    process.signal()
    await process.ended()
    assert not process.instance.has_left_its_socket(), "the file is still there"


@configured(unix=True)
@requires("process.socket.unix-stale")
async def test_socket_file_of_a_dead_server(process: Process) -> None:
    """A server starts where one that was killed has left the file of its socket behind."""
    await process.start()
    await process.start_again()
    assert (await process.exchange()).status == 204


@configured(inherited=True, shared=True)
@requires("process.socket.inherited")
async def test_inherited_socket_is_served(process: Process) -> None:
    """A request on the listening socket that the server has inherited is answered."""
    await process.serving()
    assert (await process.exchange()).status == 204


@configured(inherited=True)
@requires("process.socket.inherited-left-open")
async def test_inherited_socket_listens_on(process: Process) -> None:
    """When the server has stopped, a connection to the socket that it had inherited is not refused."""
    await process.start()
    process.signal()
    await process.ended()
    await process.http.connect()


@configured(ipv6=True, shared=True)
@pytest.mark.parametrize("protocol", [case("http", "http"), case("websocket", "websocket")])
@requires("process.socket.ipv6")
async def test_ipv6_address(process: Process, protocol: str) -> None:
    """A request to the IPv6 address is answered, and addresses in its scope have no brackets."""
    await process.serving()
    scope = await process.scope_of(protocol)
    for end in ("client", "server"):
        if scope.get(end) is not None:
            assert scope[end][0] == "::1"
