"""Clients that break off handshakes, delay them, or do not speak TLS at all."""

import asyncio
from collections.abc import Callable

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.hostile import Trap
from asgi_conformance.fixtures.http1 import Http1Connection
from asgi_conformance.fixtures.tls import ClearConnection, Hello, Tls, client_hello

MANY = 50
NOT_TLS = [
    case("request-in-clear", b"GET / HTTP/1.1\r\nHost: in-clear.test\r\n\r\n"),
    case("preface-of-http-2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    case("zeros", bytes(64)),
    case("text", b"this is no TLS, and not HTTP either\r\n" * 4),
    case("high-octets", b"\xff" * 64),
    case("much", b"much ado about nothing, " * 8192),
    case("record-that-is-too-long", b"\x16\x03\x01\xff\xff" + b"\x01" + bytes(0xFFFE)),
    case("application-data-first", b"\x17\x03\x03\x00\x10" + bytes(16)),
    case("server-hello", b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"),
]
PARTS: list[object] = [
    case("nothing", lambda hello: b""),
    case("one-byte", lambda hello: hello[:1]),
    case("half-of-the-hello", lambda hello: hello[: len(hello) // 2]),
    case("all-but-a-byte", lambda hello: hello[:-1]),
    case("the-hello", lambda hello: hello),
]
Part = Callable[[bytes], bytes]


async def begun(tls: Tls, part: Part) -> ClearConnection:
    """Return a connection with a part of a handshake on it; the server has answered if it was all of its first flight."""
    connection = await tls.in_clear()
    hello = client_hello()
    connection.write(part(hello))
    if part(hello) == hello:
        await tls.stage.until(lambda: connection.received or connection.closed, "the server's side of the handshake")
    return connection


@pytest.mark.parametrize("octets", NOT_TLS)
@requires("rfc8446.error.closes")
async def test_what_is_not_tls_ends_the_connection(tls: Tls, octets: bytes) -> None:
    """A client that does not speak TLS reaches no application, its connection ends, and others are served."""
    await tls.exchange()
    connection = await tls.in_clear()
    connection.write(octets)
    await connection.until_closed()
    await tls.settle()
    assert len(tls.stage.calls) == 0


@pytest.mark.parametrize("version", [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")])
@pytest.mark.parametrize(
    "octets",
    [
        case("request-in-clear", None),
        case("record-that-is-not-sealed", b"\x17\x03\x03\x00\x20" + bytes(32)),
        case("zeros", bytes(64)),
    ],
)
@requires("rfc8446.error.closes")
async def test_what_is_not_sealed_ends_the_connection(tls: Tls, octets: bytes | None, version: str) -> None:
    """Bytes past TLS on a connection that is over TLS reach no application, and the connection ends."""
    trap = Trap(tls)
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    await tls.exchange(connection)
    connection.write_raw(trap.request if octets is None else octets)
    await connection.until_closed()
    await tls.settle()
    trap.judge()


@pytest.mark.parametrize("leave", [case("closes", Http1Connection.close), case("resets", Http1Connection.reset)])
@pytest.mark.parametrize("part", PARTS)
@requires("process.tls.left-handshake")
async def test_client_leaves_in_the_handshake(tls: Tls, part: Part, leave: Callable[[Http1Connection], None]) -> None:
    """When a client leaves in the middle of its handshake, others are served as before."""
    await tls.exchange()
    before = await tls.secure()
    leave(await begun(tls, part))
    await tls.settle()
    assert (await tls.exchange(before)).status == 204


@pytest.mark.parametrize("count", [case("one", 1), case("many", MANY)])
@pytest.mark.parametrize("part", PARTS)
@requires("process.tls.stalled-handshake")
async def test_client_stalls_in_the_handshake(tls: Tls, part: Part, count: int) -> None:
    """While clients wait in the middle of their handshakes, another is served on a new connection and on an old one."""
    before = await tls.secure()
    stalled = [await begun(tls, part) for _ in range(count)]
    await tls.settle()
    assert (await tls.exchange(before)).status == 204
    for connection in stalled:
        connection.reset()


@pytest.mark.parametrize("version", [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")])
@requires("process.tls.stalled-handshake")
async def test_many_slow_handshakes(tls: Tls, version: str) -> None:
    """Handshakes that come byte by byte, many at once, hold up nobody, and each comes to its end."""
    hello = Hello(version, packet=1)
    await tls.speaks(version)
    connections = await asyncio.gather(*(tls.secure(hello) for _ in range(MANY // 2)), tls.secure())
    for connection in connections:
        assert (await tls.exchange(connection)).status == 204
