"""The negotiation of an application protocol: RFC 7301, section 3.2."""

import pytest

from asgi_conformance.fixtures.checks import Broken, case, requires, unsupported
from asgi_conformance.fixtures.timing import DEADLINE
from asgi_conformance.fixtures.tls import Hello, Refused, Tls

BOTH = ("h2", "http/1.1")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # and an empty SETTINGS (RFC 9113, 3.4)
SETTINGS = 4  # the type of a frame (RFC 9113, section 6.5)


async def selects(tls: Tls) -> None:
    """End the check as unsupported where the server takes no part in the negotiation of a protocol."""
    connection = await tls.secure(Hello(protocols=BOTH))
    if connection.protocol is None:
        await tls.exchange(connection)
        unsupported("the negotiation of a protocol (ALPN)")
    connection.close()


@pytest.mark.parametrize(
    "offered",
    [
        case("alone", ("http/1.1",)),
        case("behind-an-unknown-one", ("unknown/9", "http/1.1")),
        case("before-an-unknown-one", ("http/1.1", "unknown/9")),
    ],
)
@requires("rfc7301.selection.preferred")
async def test_http_1_1_is_selected(tls: Tls, offered: tuple[str, ...]) -> None:
    """A server that selects protocols selects http/1.1 where no other that it knows is offered."""
    await selects(tls)
    connection = await tls.secure(Hello(protocols=offered))
    await tls.exchange(connection)
    assert connection.protocol == "http/1.1"


@pytest.mark.parametrize("version", [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")])
@pytest.mark.parametrize("offered", [case("http-1-1", ("http/1.1",)), case("both", BOTH)])
@requires("rfc7301.selection.definitive")
async def test_selected_protocol_is_spoken(tls: Tls, offered: tuple[str, ...], version: str) -> None:
    """The protocol that the server selects is the one that it speaks."""
    await selects(tls)
    connection = await tls.agreed(Hello(version, protocols=offered), f"TLS {version} with {' or '.join(offered)}")
    if connection.protocol != "h2":
        assert (await tls.exchange(connection)).version == "1.1"
        return
    connection.write(PREFACE)
    await tls.stage.until(
        lambda: len(connection.received) > 8 or connection.closed, "the first frame of HTTP/2", DEADLINE
    )
    assert connection.received[3:4] == bytes([SETTINGS])
    await tls.exchange()


@pytest.mark.parametrize("version", [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")])
@requires("rfc7301.selection.none")
async def test_unknown_protocols_are_refused(tls: Tls, version: str) -> None:
    """A server that selects protocols does not serve a client which offers none but unknown ones."""
    await selects(tls)
    usual = await tls.agreed(Hello(version, protocols=("http/1.1",)), f"TLS {version}")
    await tls.exchange(usual)
    try:
        connection = await tls.secure(Hello(version, protocols=("unknown/9",)))
    except Refused:
        await tls.exchange()
        return
    exchange = await tls.request(connection=connection)
    await tls.stage.until(lambda: exchange.applications or exchange.over, "the connection to be refused")
    if exchange.applications:
        await exchange.answered()
        raise Broken("a request was answered on a connection for which no offered protocol is known")
    await tls.exchange()
