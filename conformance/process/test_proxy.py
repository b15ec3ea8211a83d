"""Forwarded headers: heeded where they come from a trusted proxy, and nowhere else."""

import pytest

from asgi_conformance.fixtures.application import Fields
from asgi_conformance.fixtures.checks import case, configured, requires
from asgi_conformance.fixtures.http import Headers
from asgi_conformance.fixtures.process import Process

CLIENT = "203.0.113.7"
PROXY = "192.0.2.9"  # another, in front of ours
FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"
FORWARDED: Headers = [(FOR, CLIENT.encode()), (PROTO, b"https")]
TRUSTING = configured(trusted_proxies=f"127.0.0.1,{PROXY}", shared=True)


def client(scope: Fields) -> object:
    """Return the client's address, where there is one."""
    return scope["client"] and scope["client"][0]


@TRUSTING
@pytest.mark.parametrize(
    ("protocol", "header", "expected"),
    [
        case("client-http", "http", FOR, CLIENT),
        case("scheme-http", "http", PROTO, "https"),
        case("client-websocket", "websocket", FOR, CLIENT),
        case("scheme-websocket", "websocket", PROTO, "wss"),
    ],
)
@requires("process.proxy.trusted")
async def test_headers_of_a_trusted_proxy(process: Process, protocol: str, header: bytes, expected: str) -> None:
    """The scope has the client's address and the scheme from the headers of a trusted peer."""
    process.needs_proxy_header(header.decode())
    await process.serving()
    scope = await process.scope_of(protocol, FORWARDED)
    assert (client(scope) if header == FOR else scope.get("scheme")) == expected


@TRUSTING
@pytest.mark.parametrize(
    "values",
    [
        case("made-up", [f"198.51.100.1, {CLIENT}"]),
        case("made-up-in-a-field-of-its-own", ["198.51.100.1", CLIENT]),
        case("two-proxies", [f"198.51.100.1, {CLIENT}, {PROXY}"]),
        case("made-up-proxy", [f"127.0.0.1, {CLIENT}"]),
    ],
)
@requires("process.proxy.spoofed")
async def test_client_is_the_last_that_is_no_proxy(process: Process, values: list[str]) -> None:
    """Of several addresses the client's is the last that is none of a trusted proxy."""
    process.needs_proxy_header(FOR.decode())
    process.needs_chosen_proxies()
    await process.serving()
    scope = await process.scope_of("http", [(FOR, value.encode()) for value in values])
    assert client(scope) == CLIENT


@configured(trusted_proxies=PROXY, shared=True)
@pytest.mark.parametrize(
    ("protocol", "header"),
    [
        case("client-http", "http", FOR),
        case("scheme-http", "http", PROTO),
        case("client-websocket", "websocket", FOR),
        case("scheme-websocket", "websocket", PROTO),
    ],
)
@requires("process.proxy.untrusted")
async def test_headers_of_another_peer(process: Process, protocol: str, header: bytes) -> None:
    """The headers of a peer that is not trusted change neither the client's address nor the scheme."""
    process.needs_proxy_header(header.decode())
    process.needs_chosen_proxies()
    await process.serving()
    unchanged(await process.scope_of(protocol, FORWARDED), header)


@configured(shared=True)
@pytest.mark.parametrize(
    ("protocol", "header"),
    [
        case("client-http", "http", FOR),
        case("scheme-http", "http", PROTO),
        case("client-websocket", "websocket", FOR),
        case("scheme-websocket", "websocket", PROTO),
    ],
)
@requires("process.proxy.off")
async def test_headers_when_turned_off(process: Process, protocol: str, header: bytes) -> None:
    """Without proxy headers the client is the peer, and the scheme that of the connection."""
    await process.serving()
    unchanged(await process.scope_of(protocol, FORWARDED), header)


def unchanged(scope: Fields, header: bytes) -> None:
    """Look whether the scope tells of the connection, and not of the header."""
    __tracebackhide__ = True
    if header == FOR:
        assert scope.get("client") is None or client(scope) == "127.0.0.1"
    else:
        assert scope.get("scheme", "http") in ("http", "ws")


@configured(default_proxies=True, shared=True)
@requires("process.proxy.default")
async def test_headers_by_default(process: Process) -> None:
    """Which proxy headers a server heeds that was told nothing about them is recorded."""
    await process.serving()
    scope = await process.scope_of("http", FORWARDED)
    heeded = ["X-Forwarded-For"] if client(scope) == CLIENT else []
    heeded += ["X-Forwarded-Proto"] if scope.get("scheme") == "https" else []
    process.observe(f"{' and '.join(heeded)} of a peer on the same machine" if heeded else "none")
