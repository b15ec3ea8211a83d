"""How the server fails a connection, and that nothing passes which is no WebSocket: RFC 6455, sections 7.1.7 and 10.7."""

import pytest

from asgi_conformance.fixtures.checks import Broken, case, requires
from asgi_conformance.fixtures.conversation import BYTEWISE, converse
from asgi_conformance.fixtures.delivery import WHOLE, Delivery
from asgi_conformance.fixtures.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from asgi_conformance.fixtures.websocket import WebSockets

CLEAR_ONLY = True  # it is about bytes

CUTS = [case("at-once", WHOLE), case("bytewise", BYTEWISE)]

# Frames for which the RFC has the server fail the connection.
FATAL = [
    case("reserved-bit", frame(TEXT, b"bad", rsv=2)),
    case("reserved-bit-in-a-ping", frame(PING, b"bad", rsv=1)),
    case("unknown-data-opcode", frame(3, b"bad")),
    case("unknown-control-opcode", frame(11)),
    case("text-that-is-not-utf8", frame(TEXT, b"bad \xff")),
    case("fragments-that-are-not-utf8", frame(TEXT, b"bad \xc0", fin=False) + frame(CONTINUATION, b"\xaf")),
]
NOT_MASKED = case("not-masked", frame(TEXT, b"bad", mask=None))
# Frames that break a rule which names no reaction.
INVALID = [
    case("stray-continuation", frame(CONTINUATION, b"bad")),
    case("interleaved-messages", frame(TEXT, b"one", fin=False) + frame(TEXT, b"bad")),
    case("ping-of-126-bytes", frame(PING, b"p" * 126)),
    case("fragmented-ping", frame(PING, b"bad", fin=False)),
    case("close-frame-of-126-bytes", frame(CLOSE, close_payload(1000, b"r" * 124))),
    case("fragmented-close-frame", frame(CLOSE, close_payload(1000), fin=False)),
    case("close-frame-of-one-byte", frame(CLOSE, b"\x03")),
]


@pytest.mark.parametrize("data", [*FATAL, NOT_MASKED])
@requires("rfc6455.fail.closes")
async def test_server_ends_the_connection(websocket: WebSockets, data: bytes) -> None:
    """To fail a connection, the server ends it without the client's doing so."""
    talk = await converse(websocket)
    talk.peer.answers_close = False
    await talk.deliver(data)
    await talk.peer.connection.until_closed()


@pytest.mark.parametrize("data", FATAL)
@requires("rfc6455.fail.close-frame")
async def test_close_frame_of_a_server_that_fails_the_connection(websocket: WebSockets, data: bytes) -> None:
    """Before it ends a connection that it fails, the server sends a close frame with a code."""
    talk = await converse(websocket)
    await talk.deliver(data)
    close = await talk.failed()
    assert close is not None, "the connection ended without a close frame"
    assert close.code is not None, "the close frame has no code"


@pytest.mark.parametrize("data", INVALID)
@requires("rfc6455.invalid.close-frame")
async def test_invalid_frame_ends_the_connection(websocket: WebSockets, data: bytes) -> None:
    """A frame that breaks a rule makes the server send a close frame with a code, and end the connection."""
    talk = await converse(websocket)
    await talk.deliver(data)
    close = await talk.failed()
    assert close is not None, "the connection ended without a close frame"
    assert close.code is not None, "the close frame has no code"


# All of it at once, so that no server has closed the connection before the rest of it comes.
@pytest.mark.parametrize("data", [*FATAL, NOT_MASKED])
@requires("rfc6455.fail.nothing-further")
async def test_nothing_is_processed_after_the_failure(websocket: WebSockets, data: bytes) -> None:
    """What follows a frame for which the server fails the connection reaches no application, and a ping is not answered."""
    talk = await converse(websocket)
    await talk.deliver(data + frame(PING, b"late") + frame(TEXT, b"late") + frame(CLOSE, close_payload(3456)))
    await talk.failed()
    assert talk.messages == []
    assert [found.payload for found in talk.peer.frames if found.opcode == PONG] == []
    assert talk.disconnect is None or talk.disconnect["code"] != 3456


@pytest.mark.parametrize("data", [*FATAL, NOT_MASKED, *INVALID])
@requires("websocket.disconnect.server-close")
async def test_application_is_told_of_the_failure(websocket: WebSockets, data: bytes) -> None:
    """The application is told of the end by websocket.disconnect where the server fails the connection."""
    talk = await converse(websocket)
    await talk.deliver(data)
    await talk.failed_or_went_on()
    if talk.peer.over:
        await talk.disconnected()


# --- whatever comes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        case("http-request", b"GET / HTTP/1.1\r\nHost: smuggled.test\r\n\r\n"),
        case("text-without-a-frame", b"hello, this is no frame at all\r\n" * 4),
        case("tls-hello", bytes.fromhex("160301020001000001fc0303") + bytes(range(256))),
        case("zeros", bytes(300)),
        case("all-bits", b"\xff" * 300),
        case("frame-of-a-server", frame(TEXT, b"hello", mask=None)),
        case("second-handshake", b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" * 2),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.invalid.validated")
async def test_bytes_that_are_no_frames(websocket: WebSockets, data: bytes, delivery: Delivery) -> None:
    """Of bytes that are no frames no message comes, and the server serves others afterwards."""
    talk = await converse(websocket)
    talk.stage.unsettled = True
    await talk.deliver(data, delivery)
    await websocket.settle()
    assert talk.messages == []


@pytest.mark.parametrize(
    "data",
    [
        case("in-the-first-byte", frame(TEXT, b"cut off")[:1]),
        case("in-the-length", frame(BINARY, b"cut off" * 100)[:3]),
        case("in-the-key", frame(TEXT, b"cut off")[:4]),
        case("in-the-payload", frame(TEXT, b"cut off")[:-1]),
        case("between-fragments", frame(TEXT, b"cut off", fin=False)),
        case("in-a-ping", frame(PING, b"cut off")[:-1]),
    ],
)
@pytest.mark.parametrize("reset", [case("end-of-stream", False), case("reset", True)])
@requires("rfc6455.invalid.validated")
async def test_message_that_is_cut_off(websocket: WebSockets, data: bytes, reset: bool) -> None:
    """Of a message which the end of the connection cuts off nothing reaches the application."""
    talk = await converse(websocket)
    await talk.deliver(data)
    await websocket.settle()
    connection = talk.peer.connection
    (connection.reset if reset else connection.close)()
    await talk.disconnected()
    assert talk.messages == []


# --- in the handshake -------------------------------------------------------------------------------------------------

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n%b\r\n\r\n"
)


@pytest.mark.parametrize(
    "line",
    [
        case("extension-without-a-name", b"Sec-WebSocket-Extensions: ; parameter"),
        case("extension-with-a-bad-parameter", b"Sec-WebSocket-Extensions: permessage-deflate; =1"),
        case(
            "extension-with-an-open-quote", b'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits="10'
        ),
        case("subprotocol-with-a-space", b"Sec-WebSocket-Protocol: chat room"),
        case("null-in-a-value", b"X-Bad: a\0b"),
    ],
)
@requires("rfc6455.invalid.handshake-status")
async def test_invalid_handshake_gets_a_response(websocket: WebSockets, line: bytes) -> None:
    """Where the server ends an invalid handshake without the application, it does so with an HTTP status."""
    peer = await websocket.by_hand(HANDSHAKE % line)
    await peer.stage.until(lambda: peer.applications or peer.over, "a call of the application, or a response")
    if peer.applications:
        websocket.observe("the server does not look at it")
        return
    response = await peer.response()
    if not 400 <= response.status <= 599:
        raise Broken(f"the invalid handshake was answered with {response.status}")
    await websocket.settle()
