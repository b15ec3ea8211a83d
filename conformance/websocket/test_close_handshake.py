"""How a WebSocket is closed: RFC 6455, sections 5.5.1 and 7.1 to 7.3."""

import pytest

from asgi_conformance.fixtures.application import Event
from asgi_conformance.fixtures.checks import Broken, case, configured, inapplicable, requires
from asgi_conformance.fixtures.conversation import BYTEWISE, Conversation, converse
from asgi_conformance.fixtures.delivery import WHOLE, Delivery
from asgi_conformance.fixtures.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, close_payload, frame
from asgi_conformance.fixtures.process import Process
from asgi_conformance.fixtures.timing import DEADLINE
from asgi_conformance.fixtures.websocket import WebSockets, binary, close, text

CLEAR_ONLY = True  # it is about bytes

CUTS = [case("at-once", WHOLE), case("bytewise", BYTEWISE)]


def close_frames(talk: Conversation) -> list[bytes]:
    """Return the payload of each close frame that the server has sent."""
    return [found.payload for found in talk.peer.frames if found.opcode == CLOSE]


def is_utf8(data: bytes) -> bool:
    """Tell whether bytes are UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


async def ended(talk: Conversation) -> None:
    """Wait until the server has ended the connection by itself, which it has to do at once."""
    await talk.stage.until(lambda: talk.peer.connection.closed, "the server to end the connection", DEADLINE)


# --- the client closes ------------------------------------------------------------------------------------------------

BODIES = [
    case("no-code", b""),
    case("code", close_payload(1000)),
    case("code-and-reason", close_payload(1000, "a reason")),
    case("longest-reason", close_payload(1000, "r" * 123)),
    case("reason-in-utf-8", close_payload(1000, "κόσμε")),
    case("code-of-an-application", close_payload(4000, "a reason")),
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.close.answered")
async def test_close_frame_is_answered(websocket: WebSockets, body: bytes, delivery: Delivery) -> None:
    """A close frame is answered with one close frame, whether or not it has a body."""
    talk = await converse(websocket)
    talk.peer.close_sent = True
    await talk.deliver(frame(CLOSE, body), delivery)
    await talk.peer.closing()
    await talk.failed()
    assert len(close_frames(talk)) == 1


@pytest.mark.parametrize(
    "data",
    [
        case("messages-before", frame(TEXT, b"message") + frame(CLOSE, close_payload(1000))),
        case("unfinished-message-before", frame(TEXT, b"mess", fin=False) + frame(CLOSE, close_payload(1000))),
        case("another-behind-it", frame(CLOSE, close_payload(1000)) + frame(CLOSE, close_payload(1001))),
        case("message-behind-it", frame(CLOSE, close_payload(1000)) + frame(TEXT, b"late")),
        case("ping-behind-it", frame(CLOSE, close_payload(1000)) + frame(PING, b"late")),
    ],
)
@requires("rfc6455.close.answered")
async def test_close_frame_among_others_is_answered(websocket: WebSockets, data: bytes) -> None:
    """A close frame is answered with one close frame also where others come right before it or behind."""
    talk = await converse(websocket)
    talk.peer.close_sent = True
    await talk.deliver(data)
    await talk.peer.closing()
    await talk.failed()
    assert len(close_frames(talk)) == 1
    assert "late" not in talk.messages


@requires("rfc6455.close.answered.soon")
async def test_close_frame_is_answered_while_the_application_is_idle(websocket: WebSockets) -> None:
    """A close frame is answered while the application neither receives nor sends."""
    peer, _ = await websocket.open()
    peer.close_with(1000)
    await peer.closing()


@pytest.mark.parametrize("body", BODIES)
@requires("rfc6455.close.answered.code")
async def test_code_of_the_answer(websocket: WebSockets, body: bytes) -> None:
    """Which code the answer to a close frame has is recorded."""
    talk = await converse(websocket)
    talk.peer.send_frame(CLOSE, body)
    answer = await talk.peer.closing()
    websocket.observe("no code" if answer.code is None else f"{answer.code}, reason {answer.reason!r}")


@requires("rfc6455.close.answered.code")
async def test_code_of_the_answer_within_a_message(websocket: WebSockets) -> None:
    """Which code the answer to a close frame has that cuts off a fragmented message is recorded, and the application's."""
    talk = await converse(websocket)
    await talk.deliver(frame(TEXT, b"mess", fin=False))
    talk.peer.close_with(1000)
    answer = await talk.peer.closing()
    told = await talk.disconnected()
    websocket.observe(f"answers with {answer.code}; the application is told {told.get('code')}")


@pytest.mark.parametrize("body", BODIES)
@requires("rfc6455.close.body.sent")
async def test_body_of_the_answer(websocket: WebSockets, body: bytes) -> None:
    """The answer to a close frame has no body, or one that begins with a code of two bytes."""
    talk = await converse(websocket)
    talk.peer.send_frame(CLOSE, body)
    judge_body(await talk.peer.closing())


def judge_body(found: object) -> None:
    """Make sure that a code, where there is one, is one of section 7.4 (the reader has looked at the rest)."""
    code = found.code  # type: ignore[attr-defined]
    assert code is None or 1000 <= code <= 4999, f"{code} is no code of section 7.4"


@pytest.mark.parametrize("byte", [case("printable", b"\x0f"), case("zero", b"\0"), case("high", b"\xff")])
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.close.body-of-one-byte")
async def test_close_frame_with_a_body_of_one_byte(websocket: WebSockets, byte: bytes, delivery: Delivery) -> None:
    """No code is made of a body of one byte, neither for the application nor in an answer."""
    talk = await converse(websocket)
    talk.peer.close_sent = True
    await talk.deliver(frame(CLOSE, byte), delivery)
    answer = await talk.failed()
    forged = (byte[0], byte[0] << 8)
    assert answer is None or answer.code not in forged, f"the answer has the code {answer.code}"
    assert talk.disconnect is None or talk.disconnect["code"] not in forged


@pytest.mark.parametrize(
    "reason",
    [
        case("no-start", b"marked \x80"),
        case("surrogate", b"marked \xed\xa0\x80"),
        case("overlong", b"marked \xc0\xaf"),
        case("cut-off", b"marked \xf0\x9f\x98"),
        case("latin-1", "marked naïve".encode("latin-1")),
    ],
)
@requires("rfc6455.close.reason.utf8.received")
async def test_reason_that_is_not_utf8(websocket: WebSockets, reason: bytes) -> None:
    """A reason that is not UTF-8 is not given to the application as if it were text, and the connection ends."""
    talk = await converse(websocket)
    talk.peer.send_frame(CLOSE, close_payload(1000, reason))
    await talk.failed()
    given = "" if talk.disconnect is None else talk.disconnect.get("reason") or ""
    if "marked" in given:
        raise Broken(f"the application received the reason {given!r}")


# --- the application closes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        case("normal", 1000, ""),
        case("going-away", 1001, "a reason"),
        case("policy", 1008, "a reason"),
        case("of-a-library", 3000, "κόσμε"),
        case("of-an-application", 4999, "r" * 123),
    ],
)
@requires("rfc6455.close.handshake")
async def test_application_closes(websocket: WebSockets, code: int, reason: str) -> None:
    """Where the application closes, the client gets a close frame with just its code and its reason."""
    talk = await converse(websocket, listens=False)
    talk.application.start_send(close(code=code, reason=reason))
    found = await talk.peer.closing()
    assert found.code == code
    if talk.application.claims >= (2, 3):  # since which an application can give a reason
        assert found.reason == reason


@requires("rfc6455.close.handshake")
async def test_application_closes_while_it_receives(websocket: WebSockets) -> None:
    """Where the application closes while another task of it waits for a message, the client gets the close frame."""
    talk = await converse(websocket)
    await talk.ping()  # some servers answer while the application receives, and not before
    talk.application.start_send(close(code=4000))
    assert (await talk.peer.closing()).code == 4000


@pytest.mark.parametrize(
    "event", [case("no-code", close()), case("code", close(code=3000)), case("reason", close(reason="r"))]
)
@requires("rfc6455.close.body.sent")
async def test_body_of_the_close_frame(websocket: WebSockets, event: Event) -> None:
    """The close frame with which the server begins to close has no body, or one that begins with a code of two bytes."""
    talk = await converse(websocket, listens=False)
    talk.application.start_send(event)
    judge_body(await talk.peer.closing())


REASONS = [
    case("two-bytes-each", "ü" * 62),
    case("three-bytes-each", "r" + "€" * 41),
    case("four-bytes-each", "r" + "\U0001f600" * 31),
    case("much-too-long", "r" + "€" * 5000),
    case("no-utf-8", "\ud800"),
]


@pytest.mark.parametrize("reason", REASONS)
@requires("rfc6455.close.reason.utf8.sent")
async def test_reason_that_does_not_fit(websocket: WebSockets, reason: str) -> None:
    """Of a reason that a close frame cannot hold nothing reaches the wire but UTF-8, wherever it is cut."""
    talk = await converse(websocket, listens=False)
    await talk.attempt(close(code=1000, reason=reason))
    assert [payload for payload in close_frames(talk) if not is_utf8(payload[2:])] == []


@pytest.mark.parametrize(
    "events",
    [
        case("text-after-close", [close(), text("late")]),
        case("binary-after-close", [close(), binary(b"late"), binary(b"late")]),
        case("text-before-close", [text("early"), close(), text("late")]),
    ],
)
@requires("rfc6455.close.no-data-after")
async def test_no_data_after_the_close_frame(websocket: WebSockets, events: list[Event]) -> None:
    """After the close frame that the application has asked for the server sends no data, whatever else it is told to."""
    talk = await converse(websocket, listens=False)
    talk.peer.answers_close = False
    for event in events:
        talk.application.start_send(event)
    await talk.peer.closing()
    await websocket.settle()
    assert late(talk) == []
    talk.peer.close_with(1000)
    talk.listen()
    await talk.peer.connection.until_closed()
    assert late(talk) == []
    assert talk.peer.refused is None, talk.peer.outcome


@requires("rfc6455.close.no-data-after")
async def test_no_data_after_the_answer_to_a_close_frame(websocket: WebSockets) -> None:
    """After the server has answered a close frame it sends no data, whatever the application tells it to."""
    talk = await converse(websocket, returns=False)
    talk.peer.close_with(1000)
    await talk.disconnected()
    for _ in range(3):
        await talk.attempt(text("late"))
    talk.application.command("return")
    await talk.failed()
    assert late(talk) == []
    assert talk.peer.refused is None, talk.peer.outcome


def late(talk: Conversation) -> list[int]:
    """Return the opcodes of data frames that have come after a close frame."""
    codes = [found.opcode for found in talk.peer.frames]
    first = codes.index(CLOSE) if CLOSE in codes else len(codes)
    return [code for code in codes[first:] if code in (TEXT, BINARY, CONTINUATION)]


# --- the end of the connection ----------------------------------------------------------------------------------------

CLOSERS = [case("client", False), case("application", True)]


async def closing(websocket: WebSockets, by_application: bool, returns: bool = True) -> Conversation:
    """Open a WebSocket, have one of the ends close it, and the other answer."""
    talk = await converse(websocket, returns=returns, listens=not by_application)
    if by_application:
        talk.application.start_send(close(code=1000))
    else:
        talk.peer.close_with(1000)
    try:
        await talk.peer.closing()
    except Broken:
        if returns:
            raise
        inapplicable("there is no second close frame while the application goes on, which is judged elsewhere")
    talk.listen()
    return talk


@pytest.mark.parametrize("by_application", CLOSERS)
@requires("rfc6455.close.tcp")
async def test_connection_ends_after_both_close_frames(websocket: WebSockets, by_application: bool) -> None:
    """After a close frame in each direction the server ends the connection."""
    talk = await closing(websocket, by_application)
    await talk.peer.connection.until_closed()


@pytest.mark.parametrize("by_application", CLOSERS)
@requires("rfc6455.close.tcp.immediately")
async def test_connection_ends_at_once(websocket: WebSockets, by_application: bool) -> None:
    """After a close frame in each direction the server ends the connection while the application goes on."""
    talk = await closing(websocket, by_application, returns=False)
    await ended(talk)
    assert not talk.application.over


@pytest.mark.parametrize("by_application", CLOSERS)
@requires("rfc6455.close.tcp.clean")
async def test_connection_ends_cleanly(websocket: WebSockets, by_application: bool) -> None:
    """After a close frame in each direction the client sees the end of the stream, not a reset."""
    talk = await closing(websocket, by_application)
    assert await talk.peer.connection.until_closed() == "end"


@requires("rfc6455.close.tcp.clean")
async def test_connection_ends_cleanly_with_bytes_behind_the_close_frame(websocket: WebSockets) -> None:
    """Bytes that follow the client's close frame are discarded: the client sees the end of the stream, not a reset."""
    talk = await converse(websocket)
    talk.peer.close_sent = True
    await talk.deliver(frame(CLOSE, close_payload(1000)) + frame(BINARY, b"b" * 40_000))
    await talk.peer.closing()
    assert await talk.peer.connection.until_closed() == "end"


@pytest.mark.parametrize(
    "data",
    [
        case("reserved-bit", frame(TEXT, b"bad", rsv=2)),
        case("unknown-opcode", frame(3, b"bad")),
        case("not-masked", frame(TEXT, b"bad", mask=None)),
        case("no-utf-8", frame(TEXT, b"\xff")),
    ],
)
@requires("rfc6455.close.tcp.first")
async def test_connection_ends_at_once_when_it_has_failed(websocket: WebSockets, data: bytes) -> None:
    """Where the server fails the connection, it ends it without waiting for the client or the application."""
    talk = await converse(websocket, returns=False)
    talk.peer.answers_close = False
    await talk.deliver(data)
    await ended(talk)
    assert not talk.application.over


@requires("rfc6455.close.simultaneous")
async def test_close_frames_cross(websocket: WebSockets) -> None:
    """Where the client's close frame crosses the server's, no second close frame comes, and the connection ends."""
    talk = await converse(websocket, listens=False)
    talk.peer.answers_close = False
    talk.application.start_send(close(code=4001))
    await talk.peer.closing()
    talk.listen()
    talk.peer.close_with(4002, "of its own accord")
    await talk.peer.connection.until_closed()
    assert len(close_frames(talk)) == 1


# --- the server closes ------------------------------------------------------------------------------------------------


@configured(graceful_timeout=2, if_any=("graceful_timeout",))
@requires("rfc6455.close.initiated")
async def test_server_closes_at_its_shutdown(process: Process) -> None:
    """A server that ends a connection because it shuts down sends a close frame first."""
    talk = await converse_until_shutdown(process)
    assert talk.peer.close_received is not None, talk.peer.outcome


async def converse_until_shutdown(process: Process) -> Conversation:
    """Open a WebSocket, have the server shut down, and return when it closes; ``inapplicable`` where it waits instead."""
    await process.start()
    talk = await converse(process.websocket)
    process.signal()
    peer = talk.peer
    try:
        await talk.stage.until(lambda: peer.close_received or peer.over, "the server to close", 2 * DEADLINE)
    except Broken:
        inapplicable("the server does not shut down while there is a WebSocket")
    return talk
