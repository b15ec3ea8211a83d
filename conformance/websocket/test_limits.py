"""What the server does about more than it has room for: RFC 6455, section 10.4, and messages of some size."""

import zlib

import pytest

from asgi_conformance.conformance.websocket.test_close_codes import judge_code
from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.conversation import Conversation, converse, converse_compressed
from asgi_conformance.fixtures.frames import BINARY, CONTINUATION, PING, TEXT, frame
from asgi_conformance.fixtures.timing import DEADLINE
from asgi_conformance.fixtures.values import difference
from asgi_conformance.fixtures.websocket import Message, WebSockets, send_event

CLEAR_ONLY = True  # it is about bytes

MEGABYTE = 1 << 20
LONG_ENOUGH = 4 * DEADLINE  # for messages that some servers look at byte by byte


async def whole_or_too_big(talk: Conversation) -> Message | None:
    """Return the message that the application receives, or ``None`` where the server ends the connection over it.

    No rule says how large messages are that a server takes. Whether it tells is judged by ``close-code.too-big``.
    """
    peer = talk.peer
    await talk.stage.until(
        lambda: talk.events or peer.close_received or peer.over, "the message, or the end", LONG_ENOUGH
    )
    if peer.refused is not None:
        raise Broken(peer.outcome)
    if not talk.events:
        if peer.close_received is not None and peer.close_received.code in (
            1002,
            1007,
        ):  # no limit: it is thought wrong
            raise Broken(peer.outcome)
        return None
    received: Message = (await talk.received(within=LONG_ENOUGH))[0]
    return received


async def judge_large(talk: Conversation, sent: Message) -> None:
    """Make sure that a large message is received whole; ``inapplicable`` where it is beyond a limit of the server's."""
    received = await whole_or_too_big(talk)
    if received is None:
        inapplicable("it is beyond the server's limit")
    judge_content(received, sent)


async def judge_large_of_the_application(websocket: WebSockets, sent: Message) -> None:
    """Make sure that a large message reaches the client whole; ``inapplicable`` where `send` refuses it."""
    peer, application = await websocket.open()
    sending = application.start_send(send_event(sent))
    await peer.stage.until(lambda: peer.messages or sending.raised or peer.over, "the message", LONG_ENOUGH)
    if sending.raised is not None:
        inapplicable("send refuses it")
    judge_content(await peer.message(), sent)


def judge_content(received: Message, sent: Message) -> None:
    """Compare a message with what was sent, and say in a line how they differ."""
    assert type(received) is type(sent), f"a message of the type {type(received).__name__}"
    assert difference(octets(received), octets(sent)) is None


def octets(message: Message) -> bytes:
    """Return the payload of a message."""
    return message.encode() if isinstance(message, str) else message


SIZES = [
    case("64-kb", 64 << 10),
    case("256-kb", 256 << 10),
    case("1-mb", MEGABYTE),
    case("4-mb", 4 << 20),
    case("10-mb", 10 << 20),
    case("16-mb", 16 << 20),
]


def content(size: int) -> bytes:
    """Return so many bytes, of which no two megabytes are alike."""
    return b"".join(b"%06d" % (number % 1_000_000) + bytes(1018) for number in range(size // 1024))


@pytest.mark.parametrize("size", SIZES)
@requires("rfc6455.length.received")
async def test_large_message(websocket: WebSockets, size: int) -> None:
    """A large message arrives whole, unless it is beyond a limit of the server's."""
    talk = await converse(websocket)
    sent = content(size)
    talk.peer.send(sent)
    await judge_large(talk, sent)


@pytest.mark.parametrize("size", SIZES[1:])
@requires("websocket.send.each-message")
async def test_large_message_of_the_application(websocket: WebSockets, size: int) -> None:
    """A large message of the application reaches the client whole, unless `send` refuses it."""
    await judge_large_of_the_application(websocket, content(size))


@pytest.mark.parametrize(
    ("size", "piece"),
    [
        case("1-mb-in-pieces-of-1-kb", MEGABYTE, 1 << 10),
        case("4-mb-in-pieces-of-64-kb", 4 << 20, 64 << 10),
        case("10-mb-in-pieces-of-1-mb", 10 << 20, MEGABYTE),
        case("256-kb-in-pieces-of-64-bytes", 256 << 10, 64),
        case("64-kb-in-pieces-of-1300-bytes", 64 << 10, 1300),
    ],
)
@requires("rfc6455.fragments.any-size")
async def test_large_message_in_fragments(websocket: WebSockets, size: int, piece: int) -> None:
    """A large message in fragments arrives whole, unless it is beyond a limit of the server's."""
    talk = await converse(websocket)
    sent = content(size)
    talk.peer.send(sent, [piece] * ((size - 1) // piece))
    await judge_large(talk, sent)


LETTERS = "ß€, and so on, "  # a fragment may end within the first two


@pytest.mark.parametrize("size", [case("1-mb", MEGABYTE), case("16-mb", 16 << 20)])
@requires("rfc6455.length.received")
async def test_large_text(websocket: WebSockets, size: int) -> None:
    """A large text arrives whole, unless it is beyond a limit of the server's."""
    talk = await converse(websocket)
    sent = of_size(size)
    talk.peer.send(sent)
    await judge_large(talk, sent)


@pytest.mark.parametrize("size", [case("1-mb", MEGABYTE), case("4-mb", 4 << 20)])
@requires("websocket.send.each-message")
async def test_large_text_of_the_application(websocket: WebSockets, size: int) -> None:
    """A large text of the application reaches the client whole, unless `send` refuses it."""
    await judge_large_of_the_application(websocket, of_size(size))


@pytest.mark.parametrize(
    ("size", "piece"),
    [
        case("64-kb-in-pieces-of-1300-bytes", 64 << 10, 1300),
        case("1-mb-in-pieces-of-4-kb", MEGABYTE, 4 << 10),
        case("4-mb-in-pieces-of-64-kb", 4 << 20, 64 << 10),
    ],
)
@requires("rfc6455.fragments.any-size")
async def test_large_text_in_fragments(websocket: WebSockets, size: int, piece: int) -> None:
    """A large text arrives whole in fragments that end within characters, unless it is beyond a limit of the server's."""
    talk = await converse(websocket)
    sent = of_size(size)
    talk.peer.send(sent, [piece] * ((size - 1) // piece))
    await judge_large(talk, sent)


def of_size(size: int) -> str:
    """Return a text that is so many bytes long in UTF-8."""
    times, rest = divmod(size, len(LETTERS.encode()))
    return LETTERS * times + "." * rest


@pytest.mark.parametrize("piece", [case("pieces-of-1-kb", 1 << 10), case("pieces-of-3001-bytes", 3001)])
@requires("rfc6455.data.parsed")
async def test_large_message_as_tcp_cuts_it(websocket: WebSockets, piece: int) -> None:
    """A message of a megabyte arrives whole in whatever pieces it comes."""
    talk = await converse(websocket)
    sent = content(MEGABYTE)
    data = frame(BINARY, sent)
    for start in range(0, len(data), piece):
        talk.peer.connection.write(data[start : start + piece])
        if start % (16 * piece) == 0:
            await websocket.exchange()
    await judge_large(talk, sent)


@requires("rfc6455.data.both-ways")
async def test_many_messages_there_and_back(websocket: WebSockets) -> None:
    """Five hundred messages that the application sends back come back, each whole, in their order."""
    talk = await converse(websocket)
    sent = [b"%d " % number + b"m" * (number % 300) for number in range(500)]
    for start in range(0, 500, 50):
        for message in sent[start : start + 50]:
            talk.peer.send(message)
        await talk.received(start + 50)
        await talk.send(*talk.messages[start:])
    assert [await talk.peer.message() for _ in sent] == sent


# --- beyond what there is room for ------------------------------------------------------------------------------------

HUGE = 1 << 40  # bytes, which no server has room for
MOST = 33 * MEGABYTE  # that are sent to find a limit: it is up to twice that of most servers


async def ends_over(talk: Conversation, *pieces: bytes) -> bool:
    """Send what may be too much, piece by piece; tell whether the server ends the connection instead of taking it."""
    peer = talk.peer
    talk.stage.unsettled = True
    for piece in pieces:
        if peer.connection.closing or peer.close_received is not None:
            break
        peer.connection.write(piece)
        await talk.websocket.exchange()
    await talk.stage.until(
        lambda: talk.events or peer.close_received or peer.over, "the message, or the end", LONG_ENOUGH
    )
    return not talk.events


@requires("rfc6455.close-code.too-big")
async def test_code_for_a_message_that_is_too_big(websocket: WebSockets) -> None:
    """Where the server ends the connection over a message that is too big, its close frame has the code 1009."""
    talk = await converse(websocket)
    whole = frame(BINARY, bytes(MOST))
    if not await ends_over(talk, whole[:MEGABYTE], whole[MEGABYTE:]):
        inapplicable(f"the server takes a message of {MOST // MEGABYTE} MB")
    judge_code(talk.peer.close_received, 1009)


@requires("rfc6455.limits.imposed")
async def test_limit_on_the_size_of_messages(websocket: WebSockets) -> None:
    """A server that has a limit on the size of messages lives on it: it ends the connection over one of a terabyte."""
    talk = await converse(websocket)
    peer = talk.peer
    talk.stage.unsettled = True
    peer.connection.write(frame(BINARY, b"", length=HUGE, length_bytes=8))
    for _ in range(MOST // MEGABYTE):
        await websocket.exchange()
        if peer.connection.closing or peer.close_received is not None:
            return
        peer.connection.write(bytes(MEGABYTE))
    websocket.observe(f"takes {MOST // MEGABYTE} MB of a message of a terabyte")


# --- the server protects itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        case("terabyte-announced", frame(BINARY, b"some", length=HUGE, length_bytes=8)),
        case("longest-announced", frame(BINARY, b"some", length=(1 << 63) - 1, length_bytes=8)),
        case("longest-text-announced", frame(TEXT, b"some", length=(1 << 63) - 1, length_bytes=8)),
        case(
            "longest-fragment-announced",
            frame(BINARY, b"some", fin=False) + frame(CONTINUATION, b"some", length=(1 << 62), length_bytes=8),
        ),
        case("twenty-thousand-fragments", frame(TEXT, b"f", fin=False) + frame(CONTINUATION, b"f", fin=False) * 20_000),
        case("twenty-thousand-empty-fragments", frame(TEXT, fin=False) + frame(CONTINUATION, fin=False) * 20_000),
        case("ten-thousand-pings", frame(PING, b"p" * 125) * 10_000),
    ],
)
@requires("rfc6455.limits.protected")
async def test_server_survives(websocket: WebSockets, data: bytes) -> None:
    """Whatever a client announces or goes on with, the server serves others meanwhile and afterwards."""
    talk = await converse(websocket)
    await talk.deliver(data)
    await websocket.settle()
    talk.peer.connection.abandon()
    await websocket.settle()
    assert talk.messages == []


@requires("rfc6455.limits.protected")
async def test_server_survives_a_message_that_grows(websocket: WebSockets) -> None:
    """A few kilobytes that decompress to many megabytes are a message or too big, and the server serves others."""
    talk = await converse_compressed(websocket)
    size = 64 * MEGABYTE
    compressor = zlib.compressobj(9, wbits=-12)
    payload = compressor.compress(bytes(size)) + compressor.flush(zlib.Z_SYNC_FLUSH)
    await talk.deliver(frame(BINARY, payload[:-4], rsv=4))
    await websocket.settle()
    received = await whole_or_too_big(talk)
    if received is not None:
        assert len(received) == size
