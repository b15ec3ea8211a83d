"""Requests to switch to another protocol, and fields about the connection: RFC 9110, sections 7.6.1 and 7.8."""

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http1 import Exchange

WEBSOCKET = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"


def asking(upgrade: bytes, further: bytes = b"", options: bytes = b"Upgrade", version: bytes = b"1.1") -> bytes:
    """Return a request to switch to a protocol."""
    return b"GET /upgrade HTTP/%b\r\nHost: {host}\r\nConnection: %b\r\nUpgrade: %b\r\n%b\r\n" % (
        version,
        options,
        upgrade,
        further,
    )


async def tried(http: Http, request: bytes) -> Exchange:
    """Have an application answer a request to switch, as a WebSocket where it is one; return the exchange."""
    exchange = (await http.connect()).by_hand(request)
    await http.stage.until(lambda: exchange.applications or exchange.over, "an answer, or a call of the application")
    if exchange.applications:
        application = await exchange.called()
        if application.scope["type"] == "websocket":
            await application.receive()
            await application.attempt({"type": "websocket.accept"})
        else:
            await application.respond()
        await http.stage.until(lambda: exchange.connection.received or exchange.over, "an answer")
    await http.settle()
    return exchange


@pytest.mark.parametrize(
    ("upgrade", "further", "options"),
    [
        case("http2", b"h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n", b"Upgrade, HTTP2-Settings"),
        case("http3", b"HTTP/3.0", b"", b"Upgrade"),
    ],
)
@requires("rfc9110.upgrade.ignored")
async def test_newer_version_is_asked_for(http: Http, upgrade: bytes, further: bytes, options: bytes) -> None:
    """What a server makes of an Upgrade to a newer version of HTTP is recorded."""
    exchange = await tried(http, asking(upgrade, further, options))
    line = exchange.connection.head_lines[0]
    http.observe("it switches" if b" 101 " in line else "it is ignored" if exchange.applications else exchange.outcome)


@pytest.mark.parametrize(
    ("upgrade", "further"),
    [
        case("unknown", b"x-probe/1", b""),
        case("several-unknown", b"x-probe/1, x-other", b""),
        case("unknown-with-websocket-fields", b"x-probe", WEBSOCKET),
        case("longer-than-websocket", b"websocket2", WEBSOCKET),
    ],
)
@requires("rfc9110.upgrade.only-indicated")
async def test_server_does_not_switch_to_another_protocol(http: Http, upgrade: bytes, further: bytes) -> None:
    """A request to switch to a protocol that nobody knows is answered in HTTP, and no other protocol is switched to."""
    exchange = await tried(http, asking(upgrade, further))
    line = exchange.connection.head_lines[0]
    assert line.startswith(b"HTTP/1."), exchange.outcome
    assert b" 101 " not in line, f"the server answers {exchange.connection.head_lines!r}"


@requires("rfc9110.upgrade.not-in-1.0")
async def test_upgrade_of_an_old_client_is_ignored(http: Http) -> None:
    """A request in HTTP/1.0 to switch to WebSocket is a plain request."""
    exchange = (await http.connect()).by_hand(asking(b"websocket", WEBSOCKET, version=b"1.0"))
    application = await exchange.called()
    assert application.scope["type"] == "http"
    await application.respond()
    assert (await exchange.response()).status == 204


PLAIN = b"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"
CLOSING = b"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: {host}\r\nConnection: keep-alive\r\n\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        case("plain", PLAIN),
        case("close", CLOSING),
        case("keep-alive-in-1.0", OLD),
        case("upgrade", asking(b"x-probe")),
    ],
)
@requires("rfc9110.connection.fields-listed")
async def test_fields_about_the_connection_are_listed(http: Http, request_: bytes) -> None:
    """A response with Keep-Alive or Upgrade names the field in Connection."""
    exchange = await tried(http, request_)
    fields = [line.lower().partition(b":") for line in exchange.connection.head_lines[1:]]
    assert fields, exchange.outcome
    options = b",".join(value for name, _, value in fields if name == b"connection").split(b",")
    about = {name for name, _, _ in fields} & {b"keep-alive", b"upgrade", b"http2-settings"}
    assert about <= {option.strip() for option in options}
