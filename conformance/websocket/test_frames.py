"""Frames: masking, reserved bits, opcodes, lengths, and what kind of data is in them. RFC 6455, sections 5.1 to 5.3, 6."""

from typing import Any

import pytest

from asgi_conformance.fixtures.application import Event
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.conversation import BYTEWISE, Conversation, converse, judge_failure
from asgi_conformance.fixtures.delivery import WHOLE, Delivery
from asgi_conformance.fixtures.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from asgi_conformance.fixtures.values import difference
from asgi_conformance.fixtures.websocket import Message, WebSockets, accept, binary, close, connected, send_event, text

CLEAR_ONLY = True  # it is about bytes

SOME = [case("text", "a text"), case("binary", b"\0\xff\x80")]
CONTENT = [*SOME, case("empty-text", ""), case("empty-binary", b"")]
CUTS = [case("at-once", WHOLE), case("bytewise", BYTEWISE)]


def parts(message: Message) -> tuple[int, bytes]:
    """Return the opcode and the payload of a message."""
    return (TEXT, message.encode()) if isinstance(message, str) else (BINARY, message)


def sized(size: int, is_text: bool = False) -> Message:
    """Return a message of so many bytes, no two pieces of which are alike."""
    pattern = bytes((place * 7 + place // 251) % 95 + 32 for place in range(min(size, 1 << 16)))
    content = (pattern * (size // len(pattern) + 1))[:size] if size else b""
    return content.decode() if is_text else content


# --- masking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        case("text", frame(TEXT, b"unmasked", mask=None)),
        case("empty-text", frame(TEXT, mask=None)),
        case("binary", frame(BINARY, b"unmasked", mask=None)),
        case("longer", frame(BINARY, b"unmasked" * 100, mask=None)),
        case("ping", frame(PING, b"unmasked", mask=None)),
        case("pong", frame(PONG, mask=None)),
        case("first-fragment", frame(TEXT, b"unmasked", fin=False, mask=None) + frame(CONTINUATION, b"masked")),
        case("continuation", frame(TEXT, b"masked", fin=False) + frame(CONTINUATION, b"unmasked", mask=None)),
        case("after-a-masked-one", frame(PING, b"masked") + frame(TEXT, b"unmasked", mask=None)),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.masking.required")
async def test_frame_that_is_not_masked(websocket: WebSockets, data: bytes, delivery: Delivery) -> None:
    """A frame that is not masked makes the server end the connection, and nothing of it reaches the application."""
    await judge_failure(websocket, data, delivery)


@requires("rfc6455.masking.close-frame")
async def test_close_frame_that_is_not_masked(websocket: WebSockets) -> None:
    """A close frame that is not masked makes the server end the connection, and its code is not the client's."""
    talk = await converse(websocket)
    talk.peer.send_frame(CLOSE, close_payload(3456), mask=None)
    await talk.failed()
    assert talk.disconnect is None or talk.disconnect["code"] != 3456


@requires("rfc6455.masking.required.code")
async def test_code_for_a_frame_that_is_not_masked(websocket: WebSockets) -> None:
    """Which code the server gives when it ends the connection for a frame that is not masked is recorded."""
    talk = await judge_failure(websocket, frame(TEXT, b"unmasked", mask=None))
    close = talk.peer.close_received
    websocket.observe("no close frame" if close is None else f"a close frame with {close.code}")


@pytest.mark.parametrize("event", [case("text", text("text")), case("binary", binary(b"data")), case("close", close())])
@requires("rfc6455.masking.not-by-server")
async def test_frame_of_the_application_is_not_masked(websocket: WebSockets, event: Event) -> None:
    """No frame that comes of what the application sends is masked."""
    peer, application = await websocket.open()
    application.start_send(event)
    await peer.frame()


@pytest.mark.parametrize("data", [case("pong", frame(PING, b"ping")), case("close", frame(CLOSE, close_payload(1000)))])
@requires("rfc6455.masking.not-by-server")
async def test_answer_is_not_masked(websocket: WebSockets, data: bytes) -> None:
    """No frame with which the server answers by itself is masked."""
    talk = await converse(websocket)
    await talk.deliver(data)
    await talk.peer.frame()


@pytest.mark.parametrize("message", SOME)
@requires("rfc6455.masking.removed")
async def test_masking_is_removed(websocket: WebSockets, message: Message) -> None:
    """What the application receives is the data as it was before the client masked it."""
    talk = await converse(websocket)
    talk.peer.send(message)
    assert await talk.received() == [message]


@pytest.mark.parametrize(
    "key",
    [
        case("zero", b"\0\0\0\0"),
        case("all-bits", b"\xff\xff\xff\xff"),
        case("last-byte-only", b"\0\0\0\x01"),
        case("like-a-frame", b"\x81\x85\x80\x00"),
        case("same-as-the-payload", b"same"),
    ],
)
@requires("rfc6455.masking.any-key")
async def test_any_key(websocket: WebSockets, key: bytes) -> None:
    """With every masking key, and whatever the length, the data arrives as it was before it was masked."""
    talk = await converse(websocket)
    sent = [(b"samesamesame" * 12)[:size] for size in (0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 125, 126, 131)]
    for payload in sent:
        await talk.deliver(frame(BINARY, payload, mask=key))
    assert await talk.received(len(sent)) == sent


# --- reserved bits and opcodes ----------------------------------------------------------------------------------------

BITS = [
    case("first-bit", 4),
    case("second-bit", 2),
    case("third-bit", 1),
    case("first-and-second-bit", 6),
    case("first-and-third-bit", 5),
    case("second-and-third-bit", 3),
    case("all-bits", 7),
]
KINDS = [
    case("text", b"", TEXT, b"reserved"),
    case("binary", b"", BINARY, b"reserved"),
    case("empty", b"", TEXT, b""),
    case("continuation", frame(TEXT, b"good", fin=False), CONTINUATION, b"reserved"),
    case("ping", b"", PING, b"reserved"),
    case("empty-ping", b"", PING, b""),
    case("pong", b"", PONG, b"reserved"),
]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("before", "opcode", "payload"), KINDS)
@requires("rfc6455.rsv.received")
async def test_reserved_bits(websocket: WebSockets, bits: int, before: bytes, opcode: int, payload: bytes) -> None:
    """A reserved bit that no extension uses makes the server end the connection; the application gets nothing of it."""
    await judge_failure(websocket, before + frame(opcode, payload, rsv=bits))


@pytest.mark.parametrize("bits", BITS)
@requires("rfc6455.rsv.received")
async def test_reserved_bits_in_a_close_frame(websocket: WebSockets, bits: int) -> None:
    """A close frame with a reserved bit makes the server end the connection, and its code is not the client's."""
    talk = await converse(websocket)
    talk.peer.send_frame(CLOSE, close_payload(3456), rsv=bits)
    await talk.failed()
    assert talk.disconnect is None or talk.disconnect["code"] != 3456


@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.rsv.received")
async def test_reserved_bit_after_good_frames(websocket: WebSockets, delivery: Delivery) -> None:
    """A reserved bit makes the server end the connection also when good frames have come right before."""
    good = frame(TEXT, b"good") + frame(PING, b"good")
    talk = await judge_failure(websocket, good + frame(TEXT, b"bad", rsv=2), delivery, before=["good"])
    assert talk.messages in ([], ["good"])


@pytest.mark.parametrize("message", SOME)
@requires("rfc6455.rsv.sent")
async def test_no_reserved_bits_without_an_extension(websocket: WebSockets, message: Message) -> None:
    """Without an extension no frame of the server has a reserved bit set: no message, no pong, no close frame."""
    talk = await converse(websocket)
    await talk.send(message)
    assert await talk.peer.message() == message
    await talk.ping()
    await talk.close()
    assert [found.rsv for found in talk.peer.frames] == [(False, False, False)] * len(talk.peer.frames)


UNKNOWN = [case(f"opcode-{word}", code) for word, code in zip(
    ("three", "four", "five", "six", "seven", "eleven", "twelve", "thirteen", "fourteen", "fifteen"),
    (3, 4, 5, 6, 7, 11, 12, 13, 14, 15),
    strict=True,
)]  # fmt: skip


@pytest.mark.parametrize("payload", [case("empty", b""), case("with-payload", b"unknown")])
@pytest.mark.parametrize("opcode", UNKNOWN)
@requires("rfc6455.opcode.unknown")
async def test_unknown_opcode(websocket: WebSockets, opcode: int, payload: bytes) -> None:
    """An unknown opcode makes the server end the connection; the application gets nothing of it."""
    await judge_failure(websocket, frame(opcode, payload))


@pytest.mark.parametrize("opcode", [case("data", 3), case("control", 11)])
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.opcode.unknown")
async def test_unknown_opcode_between_fragments(websocket: WebSockets, opcode: int, delivery: Delivery) -> None:
    """An unknown opcode between fragments makes the server end the connection; the message never arrives."""
    fragments = frame(TEXT, b"good", fin=False), frame(CONTINUATION, b"good")
    await judge_failure(websocket, frame(opcode, b"unknown").join(fragments), delivery)


@pytest.mark.parametrize("opcode", [case("data", 5), case("control", 13)])
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.opcode.unknown")
async def test_unknown_opcode_after_good_frames(websocket: WebSockets, opcode: int, delivery: Delivery) -> None:
    """An unknown opcode makes the server end the connection also when good frames have come right before."""
    good = frame(TEXT, b"good") + frame(PING, b"good")
    await judge_failure(websocket, good + frame(opcode, b"unknown"), delivery, before=["good"])


# --- lengths ----------------------------------------------------------------------------------------------------------

BOUNDS = (0, 1, 125, 126, 127, 128, 65535, 65536)
SIZES = [case(f"{size}-bytes", size) for size in BOUNDS]
BEHIND = "behind an empty message"


@pytest.mark.parametrize("is_text", [case("text", True), case("binary", False)])
@pytest.mark.parametrize("size", SIZES)
@requires("rfc6455.length.received")
async def test_length_is_understood(websocket: WebSockets, size: int, is_text: bool) -> None:
    """A message arrives whole whichever of the three forms its length has."""
    talk = await converse(websocket)
    message = sized(size, is_text)
    talk.peer.send(message)
    judge_message((await talk.received())[0], message)


@pytest.mark.parametrize("size", [case(f"{size}-bytes", size) for size in (5, 126, 300, 65536)])
@requires("rfc6455.length.received")
async def test_length_is_understood_bytewise(websocket: WebSockets, size: int) -> None:
    """A message arrives whole also where its header comes one byte at a time."""
    talk = await converse(websocket)
    message = sized(size)
    assert isinstance(message, bytes)
    whole = frame(BINARY, message)
    head = len(whole) - size
    await talk.deliver(whole[:head], BYTEWISE)
    await talk.deliver(whole[head:])
    judge_message((await talk.received())[0], message)


def judge_message(message: Message, sent: Message) -> None:
    """Compare a message with the one that was sent, and say in a line how they differ."""
    assert type(message) is type(sent), f"a message of the type {type(message).__name__}"
    assert difference(parts(message)[1], parts(sent)[1]) is None


@pytest.mark.parametrize("is_text", [case("text", True), case("binary", False)])
@pytest.mark.parametrize("size", SIZES)
@requires("rfc6455.length.sent")
async def test_length_is_sent(websocket: WebSockets, size: int, is_text: bool) -> None:
    """A message of the application reaches the client whole, whichever form its length has to have."""
    peer, application = await websocket.open()
    message = sized(size, is_text)
    await application.send(send_event(message))
    if not size:
        await application.send(send_event(BEHIND))
    found = await peer.message()
    if not size and found == BEHIND:
        inapplicable("an empty message does not reach the client, which is judged elsewhere")
    judge_message(found, message)


@pytest.mark.parametrize("size", SIZES[1:-1])
@requires("rfc6455.length.minimal.sent")
async def test_length_is_sent_in_as_few_bytes_as_possible(websocket: WebSockets, size: int) -> None:
    """The length of every frame of the server is encoded in as few bytes as possible."""
    peer, application = await websocket.open()
    await application.send(send_event(sized(size)))
    await peer.message()
    judge_lengths(peer.frames)


@pytest.mark.parametrize("size", [case("none", 0), case("one-byte", 1), case("longest", 125)])
@requires("rfc6455.length.minimal.sent")
async def test_length_of_control_frames_is_minimal(websocket: WebSockets, size: int) -> None:
    """The lengths of the server's pongs and of its close frame are encoded in as few bytes as possible."""
    talk = await converse(websocket)
    await talk.ping(b"p" * size)
    await talk.close()
    judge_lengths(talk.peer.frames)


def judge_lengths(frames: list[Any]) -> None:
    """Make sure that no header is longer than it has to be."""
    assert [found for found in frames if found.size != found.minimal_size] == []


@pytest.mark.parametrize(
    ("size", "length_bytes"),
    [
        case("short-in-two-bytes", 5, 2),
        case("longest-short-in-two-bytes", 125, 2),
        case("short-in-eight-bytes", 5, 8),
        case("middle-in-eight-bytes", 126, 8),
        case("longest-middle-in-eight-bytes", 65535, 8),
        case("nothing-in-two-bytes", 0, 2),
    ],
)
@requires("rfc6455.length.minimal.received")
async def test_length_in_too_many_bytes(websocket: WebSockets, size: int, length_bytes: int) -> None:
    """Whether the server takes a length that is encoded in more bytes than it needs is recorded."""
    talk = await converse(websocket)
    message = sized(size)
    assert isinstance(message, bytes)
    await talk.deliver(frame(BINARY, message, length_bytes=length_bytes))
    peer = talk.peer
    await talk.stage.until(lambda: talk.events or peer.close_received or peer.over, "a message, or the end")
    websocket.observe("takes it" if talk.events else "ends the connection")


@pytest.mark.parametrize("length", [case("only-that-bit", 1 << 63), case("all-bits", (1 << 64) - 1)])
@requires("rfc6455.length.most-significant-bit")
async def test_length_with_its_highest_bit_set(websocket: WebSockets, length: int) -> None:
    """A length whose most significant bit is set makes the server end the connection, and not wait for so many bytes."""
    await judge_failure(websocket, frame(BINARY, b"some", length_bytes=8, length=length))


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", CONTENT)
@requires("rfc6455.data.type.received")
async def test_type_is_received(websocket: WebSockets, message: Message) -> None:
    """The opcode of the frame decides whether the application receives a text or a binary message."""
    talk = await converse(websocket)
    talk.peer.send(message)
    received = await talk.received()
    assert [type(found) for found in received] == [type(message)]


@pytest.mark.parametrize("message", SOME)
@requires("rfc6455.data.type.sent")
async def test_type_is_sent(websocket: WebSockets, message: Message) -> None:
    """The opcode of the first frame of a message says whether it is text or binary."""
    peer, application = await websocket.open()
    await application.send(send_event(message))
    assert (await peer.frame()).opcode == parts(message)[0]


@pytest.mark.parametrize("message", [*SOME, case("long", "long" * 20_000)])
@requires("rfc6455.data.fin.sent")
async def test_last_frame_of_a_message_is_marked(websocket: WebSockets, message: Message) -> None:
    """The last frame of every message has the FIN bit set, and no other."""
    peer, application = await websocket.open()
    await application.send(send_event(message))
    await application.send(send_event(message))
    await peer.message()
    await peer.message()
    assert sum(found.fin for found in peer.frames) == 2
    assert peer.frames[-1].fin


BOTH = frame(TEXT, b"text") + frame(PING, b"ping") + frame(BINARY, b"\0data") + frame(TEXT)


@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.data.parsed")
async def test_frames_are_parsed(websocket: WebSockets, delivery: Delivery) -> None:
    """Frames are recognised however TCP cuts them, one byte at a time or several at once."""
    talk = await converse(websocket)
    await talk.deliver(BOTH, delivery)
    assert await talk.received(3) == ["text", b"\0data", ""]
    assert (await talk.peer.frame_of(PONG)).payload == b"ping"


@requires("rfc6455.data.parsed")
async def test_frames_are_parsed_wherever_they_are_cut(websocket: WebSockets) -> None:
    """Frames are recognised wherever a cut in two parts them."""
    talk = await converse(websocket)
    for cut in range(1, len(BOTH)):
        talk.peer.connection.write(BOTH[:cut])
        await talk.received(3 * cut - 3)
        talk.peer.connection.write(BOTH[cut:])
        assert (await talk.received(3 * cut))[-3:] == ["text", b"\0data", ""]


@requires("rfc6455.data.parsed")
async def test_frame_right_after_the_handshake(websocket: WebSockets) -> None:
    """A frame that the client sends as soon as it has the response to its handshake is recognised."""
    peer, application = await websocket.call()
    await connected(application)
    accepting = application.start_send(accept())
    await peer.accepted()
    peer.send("first")
    await accepting.value()
    talk = Conversation(websocket, peer, application, returns=True)
    talk.listen()
    assert await talk.received() == ["first"]


@requires("rfc6455.data.parsed")
async def test_many_messages_at_once(websocket: WebSockets) -> None:
    """A hundred messages that come at once are as many messages for the application, in their order."""
    talk = await converse(websocket)
    sent = [f"message {number}" for number in range(100)]
    await talk.deliver(b"".join(frame(TEXT, message.encode()) for message in sent))
    assert await talk.received(100) == sent


@pytest.mark.parametrize("first", [case("after-a-whole-one", []), case("after-a-fragmented-one", [1, 2])])
@requires("rfc6455.data.next-message")
async def test_next_message(websocket: WebSockets, first: list[int]) -> None:
    """A frame after the end of a message begins a new one, of its own type."""
    talk = await converse(websocket)
    talk.peer.send("first", first)
    talk.peer.send(b"second")
    talk.peer.send("third", first)
    assert await talk.received(3) == ["first", b"second", "third"]


@requires("rfc6455.data.both-ways")
async def test_messages_pass_both_ways_at_once(websocket: WebSockets) -> None:
    """While the application sends, the server takes what the client sends, and the other way round."""
    talk = await converse(websocket)
    count, block = 40, b"b" * 4096
    due = [b"%d " % number + block for number in range(count)]
    for message in due:
        talk.application.start_send(binary(message))
        talk.peer.send(message)
    assert await talk.received(count) == due
    # The application sends in as many tasks, of which any may be the first.
    assert {await talk.peer.message() for _ in due} == set(due)


EVERY_BYTE = bytes(range(256))


@pytest.mark.parametrize(
    "content",
    [
        case("every-byte", EVERY_BYTE),
        case("no-utf-8", b"\xff\xfe\x80\xc0"),
        case("like-frames", frame(TEXT, b"text") + frame(CLOSE)),
        case("utf-8", "tëxt".encode()),
        case("line-ends", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    ],
)
@requires("rfc6455.binary.opaque")
async def test_binary_message_is_not_looked_at(websocket: WebSockets, content: bytes) -> None:
    """Every byte of a binary message passes unchanged, both ways."""
    talk = await converse(websocket)
    talk.peer.send(content)
    assert await talk.received() == [content]
    await talk.send(content)
    assert await talk.peer.message() == content
