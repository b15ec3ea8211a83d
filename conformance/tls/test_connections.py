"""Connections over TLS: how what goes over them is cut, and how they end: RFC 8446, sections 5.1 and 6.1."""

import pytest

from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.hostile import Trap, hear, send
from asgi_conformance.fixtures.tls import Hello, Tls

VERSIONS = [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")]
BODY = bytes(range(256)) * 8
WITH_LENGTH = b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 12\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT = [
    case("behind-the-head", WITH_LENGTH),
    case("in-the-body", WITH_LENGTH + b"hello, worl"),
    case("in-a-chunk", CHUNKED + b"5\r\nhel"),
    case("behind-a-chunk", CHUNKED + b"5\r\nhello\r\n"),
    case("in-the-last-chunk", CHUNKED + b"5\r\nhello\r\n0\r\n"),
]


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("record", "packet"),
    [
        case("records-of-one-byte", 1, 1 << 20),
        case("records-of-one-byte-in-packets-of-one", 1, 1),
        case("packets-of-one-byte", 1 << 14, 1),
        case("records-of-seven-bytes-in-packets-of-five", 7, 5),
        case("large-records", 1 << 14, 1 << 20),
    ],
)
@requires("rfc8446.records.split")
async def test_request_in_pieces_is_whole(tls: Tls, record: int, packet: int, version: str) -> None:
    """However a request is cut into records, and those into packets, the application receives the same request."""
    await tls.speaks(version)
    connection = await tls.secure(Hello(version, record=record, packet=packet))
    exchange, application = await tls.call("POST", "/path?query", [(b"x-field", b"value")], BODY, connection)
    assert (application.scope["path"], application.scope["query_string"]) == ("/path", b"query")
    assert await application.body() == BODY
    await application.respond(200, body=BODY)
    assert (await exchange.response()).body == BODY


@pytest.mark.parametrize("version", VERSIONS)
@requires("rfc8446.records.split")
async def test_several_requests_in_one_record(tls: Tls, version: str) -> None:
    """Of several requests in one record, each is served in its turn."""
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    first, second = connection.expect(), connection.expect()
    requests = b"".join(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % each.authority for each in (first, second))
    connection.write(requests)
    for exchange in (first, second):
        if exchange is second and connection.closed is not None and not exchange.applications:
            inapplicable("the connection does not persist")
        assert (await exchange.answered()).status == 204


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@requires("rfc8446.closure.announced")
async def test_server_says_that_it_closes(tls: Tls, version: str) -> None:
    """Before the server closes a connection after its last response, it sends close_notify."""
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    exchange, application = await tls.call(headers=[(b"connection", b"close")], connection=connection)
    await application.respond(200, body=BODY)
    assert (await exchange.response()).body == BODY
    await application.finish()
    await connection.until_closed()
    assert connection.announced, "the TCP connection ended without close_notify"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("message", CUT)
@requires("rfc8446.closure.truncation")
async def test_request_that_is_cut_off_is_not_whole(tls: Tls, message: bytes, version: str) -> None:
    """A request is never passed off as whole where the TCP connection ends in it, without close_notify."""
    await tls.exchange()
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    sent = await send(tls, message, connection=connection)
    connection.cut()
    await sent.never_whole()


@pytest.mark.parametrize("version", VERSIONS)
@requires("http.disconnect.while-waiting")
async def test_end_without_close_notify_is_a_disconnect(tls: Tls, version: str) -> None:
    """A `receive` that waits when the TCP connection ends without close_notify gives http.disconnect."""
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    _, application = await tls.call(connection=connection)
    await application.body()
    waiting = application.start_receive()
    await tls.exchange()
    connection.cut()
    assert (await waiting.value())["type"] == "http.disconnect"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("message", CUT)
@requires("rfc8446.closure.end-of-data")
async def test_close_notify_within_a_request_is_its_end(tls: Tls, message: bytes, version: str) -> None:
    """Where close_notify comes in a request, the application is told of a disconnect, or the connection is closed."""
    await tls.exchange()
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    early = await tls.calls_at_start()
    exchange = (await send(tls, message, connection=connection)).exchange
    if early:
        application = await exchange.called()
    connection.announce()
    if early and (await hear(tls, application)).whole:
        raise Broken("the application was told that the body is whole")
    if not early:
        await connection.until_closed()
    elif not application.over:
        await application.finish()
    await tls.exchange()


@pytest.mark.parametrize("version", VERSIONS)
@requires("rfc8446.closure.ignored")
async def test_nothing_is_read_after_close_notify(tls: Tls, version: str) -> None:
    """What comes after close_notify does not reach the application."""
    trap = Trap(tls)
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    await tls.exchange(connection)
    if connection.closed is not None:
        inapplicable("the connection does not persist")
    connection.announce()
    connection.write_raw(trap.request)
    await tls.settle()
    trap.judge()
