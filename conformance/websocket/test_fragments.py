"""Fragmented messages: RFC 6455, section 5.4."""

import pytest

from asgi_conformance.fixtures import frames
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.conversation import AFTERWARDS, BYTEWISE, converse
from asgi_conformance.fixtures.delivery import WHOLE, Delivery
from asgi_conformance.fixtures.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from asgi_conformance.fixtures.transcript import shorten
from asgi_conformance.fixtures.values import difference
from asgi_conformance.fixtures.websocket import Message, WebSockets, binary, text

CLEAR_ONLY = True  # it is about bytes

CUTS = [case("at-once", WHOLE), case("bytewise", BYTEWISE)]


# --- what arrives -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [case("text", "a whole message"), case("binary", b"a whole\0message")])
@pytest.mark.parametrize("sizes", [case("unfragmented", []), case("two", [4]), case("three", [2, 5])])
@requires("rfc6455.fragments.both")
async def test_fragmented_and_unfragmented_messages(websocket: WebSockets, sizes: list[int], message: Message) -> None:
    """A message arrives whether it is fragmented or not."""
    talk = await converse(websocket)
    talk.peer.send(message, sizes)
    assert await talk.received() == [message]


@pytest.mark.parametrize(
    ("message", "sizes"),
    [
        case("two", "0123456789", [5]),
        case("many", b"0123456789", [1] * 9),
        case("first-empty", "0123456789", [0]),
        case("last-empty", "0123456789", [10]),
        case("empty-between", "0123456789", [3, 0, 3]),
        case("all-empty", "", [0, 0]),
        case("all-empty-binary", b"", [0, 0]),
        case("of-different-lengths", bytes(range(256)) * 300, [1, 126, 65536, 125]),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.fragments.concatenated")
async def test_fragments_make_one_message(
    websocket: WebSockets, message: Message, sizes: list[int], delivery: Delivery
) -> None:
    """The application receives one message, which is made of all the fragments in their order."""
    talk = await converse(websocket)
    await talk.deliver(b"".join(frames.message_frames(message, sizes)), delivery)
    received = (await talk.received())[0]
    assert type(received) is type(message)
    if isinstance(message, bytes):
        assert isinstance(received, bytes)
        assert difference(received, message) is None
    else:
        assert received == message
    await talk.ping()
    assert len(talk.events) == 1


@requires("rfc6455.fragments.order")
async def test_fragments_are_put_together_in_order(websocket: WebSockets) -> None:
    """The fragments of a message are delivered in the order in which they were sent, wherever else the server waits."""
    talk = await converse(websocket)
    sent = "".join(f"{number:03}" for number in range(200))
    for number, data in enumerate(frames.message_frames(sent, [3] * 199)):
        talk.peer.connection.write(data)
        if number % 40 == 0:
            await talk.ping(b"%d" % number)
    assert await talk.received() == [sent]


@requires("rfc6455.fragments.order", "rfc6455.fragments.sent")
async def test_fragments_of_the_server_are_in_order(websocket: WebSockets) -> None:
    """A long message of the application reaches the client whole and in order, be it in one frame or in fragments."""
    peer, application = await websocket.open()
    sent = b"".join(b"%07d" % number for number in range(40_000))
    application.start_send(binary(sent))
    received = await peer.message()
    assert isinstance(received, bytes)
    assert difference(received, sent) is None
    judge_fragments(peer.frames)


def judge_fragments(found: list[frames.Frame]) -> None:
    """Make sure that every message consists of one first frame and continuations, of which the last has the FIN bit."""
    open_message = False
    for each in found:
        if each.is_control:
            continue
        assert (each.opcode == CONTINUATION) == open_message, "a continuation out of place"
        open_message = not each.fin
    assert not open_message, "a message without its end"


@pytest.mark.parametrize(
    ("size", "count"),
    [
        case("bytes", 1, 300),
        case("none", 0, 300),
        case("longest-short", 125, 20),
        case("shortest-middle", 126, 20),
        case("longest-middle", 65535, 3),
        case("long", 65536, 3),
    ],
)
@requires("rfc6455.fragments.any-size")
async def test_fragments_of_any_size(websocket: WebSockets, size: int, count: int) -> None:
    """Fragments may have any size: the message arrives whole."""
    talk = await converse(websocket)
    sent = bytes(place % 251 for place in range(size)) * count + b"end"
    talk.peer.send(sent, [size] * count)
    received = (await talk.received())[0]
    assert isinstance(received, bytes)
    assert difference(received, sent) is None


@pytest.mark.parametrize("message", [case("text", "of one type"), case("binary", b"of one type")])
@requires("rfc6455.fragments.type")
async def test_first_fragment_says_the_type(websocket: WebSockets, message: Message) -> None:
    """The type of a fragmented message is that of its first frame, whatever message came before."""
    talk = await converse(websocket)
    other: Message = b"other" if isinstance(message, str) else "other"
    talk.peer.send(other)
    talk.peer.send(message, [2, 2])
    assert await talk.received(2) == [other, message]


# --- control frames between fragments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("control", "due"),
    [
        case("ping", frame(PING, b"between"), [b"between"]),
        case("empty-ping", frame(PING), [b""]),
        case("two-pings", frame(PING, b"one") + frame(PING, b"two"), [b"two"]),
        case("pong", frame(PONG, b"between"), []),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.fragments.control-between")
async def test_control_frame_between_fragments(
    websocket: WebSockets, control: bytes, due: list[bytes], delivery: Delivery
) -> None:
    """A ping between fragments is answered before the message is complete, a pong is taken, and the message stays whole."""
    talk = await converse(websocket)
    await talk.deliver(frame(TEXT, b"one ", fin=False) + control, delivery)
    for payload in due:
        while (await talk.peer.frame_of(PONG)).payload != payload:
            pass
    await talk.deliver(frame(CONTINUATION, b"message", fin=False) + control + frame(CONTINUATION), delivery)
    assert await talk.received() == ["one message"]


@pytest.mark.parametrize(
    "size", [case("within-the-first", 1), case("within-the-second", 3), case("behind-the-last-but-one", 5)]
)
@requires("rfc6455.fragments.control-between")
async def test_control_frames_between_all_fragments(websocket: WebSockets, size: int) -> None:
    """With pings and pongs between all of its fragments a message stays whole, and the last ping is answered."""
    talk = await converse(websocket)
    pieces = frames.message_frames(b"b" * 20, [size] * 4)
    await talk.deliver(b"".join(piece + frame(PING, b"p%d" % n) + frame(PONG, b"q") for n, piece in enumerate(pieces)))
    assert await talk.received() == [b"b" * 20]
    while (await talk.peer.frame_of(PONG)).payload != b"p4":
        pass


@requires("rfc6455.fragments.control-between")
async def test_close_frame_between_fragments(websocket: WebSockets) -> None:
    """A close frame between fragments is answered, and the message that it cuts off never arrives."""
    talk = await converse(websocket)
    await talk.deliver(frame(TEXT, b"one ", fin=False))
    talk.peer.close_with(1000)
    await talk.peer.closing()
    await talk.disconnected()
    assert talk.messages == []


# --- what is no good fragment -----------------------------------------------------------------------------------------


def judge_messages(messages: list[object], *good: object) -> None:
    """Make sure that the application has received nothing but good messages, as far as it has."""
    assert all(message in good for message in messages), f"the application received {shorten(messages)}"


STRAY = "rfc6455.fragments.stray-continuation"
INTERLEAVED = "rfc6455.fragments.not-interleaved"
GOOD = frame(TEXT, b"good")


@pytest.mark.parametrize(
    ("data", "good"),
    [
        case("at-first", frame(CONTINUATION, b"stray"), None, requires=STRAY),
        case("empty", frame(CONTINUATION), None, requires=STRAY),
        case("not-final", frame(CONTINUATION, b"stray", fin=False), None, requires=STRAY),
        case(
            "not-final-and-final",
            frame(CONTINUATION, b"stray", fin=False) + frame(CONTINUATION, b"stray"),
            None,
            requires=STRAY,
        ),
        case("after-a-message", GOOD + frame(CONTINUATION, b"stray"), "good", requires=STRAY),
        case(
            "after-a-fragmented-message",
            frame(TEXT, b"go", fin=False) + frame(CONTINUATION, b"od") + frame(CONTINUATION, b"stray"),
            "good",
            requires=STRAY,
        ),
        case("after-a-ping", frame(PING, b"ping") + frame(CONTINUATION, b"stray"), None, requires=STRAY),
        case("text-within-text", frame(TEXT, b"one", fin=False) + frame(TEXT, b"two"), None, requires=INTERLEAVED),
        case("text-within-binary", frame(BINARY, b"1", fin=False) + frame(TEXT, b"two"), None, requires=INTERLEAVED),
        case("binary-within-text", frame(TEXT, b"one", fin=False) + frame(BINARY, b"2"), None, requires=INTERLEAVED),
        case("empty-within-text", frame(TEXT, b"one", fin=False) + frame(TEXT), None, requires=INTERLEAVED),
        case(
            "with-the-rest-of-the-first",
            frame(TEXT, b"one", fin=False) + frame(TEXT, b"two") + frame(CONTINUATION, b"three"),
            None,
            requires=INTERLEAVED,
        ),
        case(
            "both-fragmented",
            frame(TEXT, b"one", fin=False) + frame(TEXT, b"two", fin=False) + frame(CONTINUATION, b"three"),
            None,
            requires=INTERLEAVED,
        ),
        case(
            "after-a-ping-between",
            frame(TEXT, b"one", fin=False) + frame(PING, b"ping") + frame(TEXT, b"two"),
            None,
            requires=INTERLEAVED,
        ),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires()
async def test_frame_out_of_place(websocket: WebSockets, data: bytes, good: str | None, delivery: Delivery) -> None:
    """A data frame where none of its kind can come is no message, nor part of one; the application gets nothing of it."""
    talk = await converse(websocket)
    await talk.deliver(data, delivery)
    await talk.failed_or_went_on()
    judge_messages(talk.messages, good, AFTERWARDS)


@requires("rfc6455.fragments.control-between")
async def test_fragmented_close_of_a_fragmented_message(websocket: WebSockets) -> None:
    """A close frame that comes in the same segment as the fragments around it ends the connection in order."""
    talk = await converse(websocket)
    close = frame(CLOSE, close_payload(3456))
    talk.peer.close_sent = True
    await talk.deliver(frame(TEXT, b"one", fin=False) + close + frame(CONTINUATION, b"two"))
    await talk.peer.closing()
    await talk.disconnected()
    assert talk.messages == []


# --- of the server ----------------------------------------------------------------------------------------------------


@requires("rfc6455.fragments.sent.not-interleaved")
async def test_messages_of_several_tasks_are_not_interleaved(websocket: WebSockets) -> None:
    """Messages that several tasks of the application send at once reach the client one after the other, each whole."""
    talk = await converse(websocket)
    sent = {bytes([65 + number]) * 150_000 for number in range(8)}
    for content in sent:
        talk.application.start_send(binary(content))
    talk.application.start_send(text("short"))
    received = [await talk.peer.message() for _ in range(9)]
    assert {message for message in received if isinstance(message, bytes)} == sent, "a message is not whole"
    assert "short" in received
    judge_fragments(talk.peer.frames)
