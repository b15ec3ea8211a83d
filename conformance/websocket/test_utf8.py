"""Text is UTF-8, whole messages of it: RFC 6455, sections 5.6 and 8.1."""

import pytest

from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.conversation import BYTEWISE, converse, judge_failure
from asgi_conformance.fixtures.delivery import WHOLE, Delivery
from asgi_conformance.fixtures.frames import CONTINUATION, PING, PONG, TEXT, frame
from asgi_conformance.fixtures.websocket import WebSockets, text

CLEAR_ONLY = True  # it is about bytes

CUTS = [case("at-once", WHOLE), case("bytewise", BYTEWISE)]

# RFC 3629, section 3: what cannot occur in UTF-8. Each is bad by itself, whatever stands around it.
BAD = [
    case("continuation-byte-first", b"\x80"),
    case("continuation-byte-last", b"\xbf"),
    case("continuation-bytes", b"\x80\xbf\x80\xbf\x80\xbf"),
    case("start-of-two", b"\xc3"),
    case("start-of-three", b"\xe2\x82"),
    case("start-of-four", b"\xf0\x9f\x98"),
    case("start-byte-alone-of-three", b"\xe2"),
    case("start-byte-alone-of-four", b"\xf0"),
    case("start-bytes", b"\xc3\xc3\xe2\xf0"),
    case("overlong-slash-in-two", b"\xc0\xaf"),
    case("overlong-slash-in-three", b"\xe0\x80\xaf"),
    case("overlong-slash-in-four", b"\xf0\x80\x80\xaf"),
    case("overlong-null", b"\xc0\x80"),
    case("longest-overlong-in-two", b"\xc1\xbf"),
    case("longest-overlong-in-three", b"\xe0\x9f\xbf"),
    case("longest-overlong-in-four", b"\xf0\x8f\xbf\xbf"),
    case("first-surrogate", b"\xed\xa0\x80"),
    case("last-high-surrogate", b"\xed\xaf\xbf"),
    case("first-low-surrogate", b"\xed\xb0\x80"),
    case("last-surrogate", b"\xed\xbf\xbf"),
    case("surrogate-pair", b"\xed\xa0\xbd\xed\xb8\x80"),
    case("first-beyond-unicode", b"\xf4\x90\x80\x80"),
    case("last-of-four-bytes", b"\xf7\xbf\xbf\xbf"),
    case("five-bytes", b"\xf8\x88\x80\x80\x80"),
    case("six-bytes", b"\xfc\x84\x80\x80\x80\x80"),
    case("byte-fe", b"\xfe"),
    case("byte-ff", b"\xff"),
    case("latin-1", "naïve".encode("latin-1")),
    case("utf-16", "text".encode("utf-16")),
]


@pytest.mark.parametrize("bad", BAD)
@requires("rfc6455.text.utf8.received")
async def test_text_that_is_not_utf8(websocket: WebSockets, bad: bytes) -> None:
    """A text message that is not UTF-8 makes the server end the connection, and the application never receives it."""
    await judge_failure(websocket, frame(TEXT, b"text " + bad + b" text"))


@pytest.mark.parametrize(
    ("before", "after"),
    [case("alone", b"", b""), case("at-the-end", b"text ", b""), case("at-the-start", b"", b" text")],
)
@pytest.mark.parametrize(
    "bad", [case("start-of-four", b"\xf0\x9f\x98"), case("surrogate", b"\xed\xa0\x80"), case("no-start", b"\x80")]
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.text.utf8.received")
async def test_place_of_what_is_not_utf8(
    websocket: WebSockets, bad: bytes, before: bytes, after: bytes, delivery: Delivery
) -> None:
    """Wherever in a text message it is that it is not UTF-8, the server ends the connection."""
    await judge_failure(websocket, frame(TEXT, before + bad + after), delivery)


@requires("rfc6455.text.utf8.received")
async def test_long_text_that_is_not_utf8(websocket: WebSockets) -> None:
    """A long text message of which only the last byte is not UTF-8 makes the server end the connection."""
    await judge_failure(websocket, frame(TEXT, "tëxt".encode() * 40_000 + b"\xc3"))


@pytest.mark.parametrize(
    "pieces",
    [
        case("bad-in-the-first", [b"text \xff", b"text"]),
        case("bad-in-the-last", [b"text", b"text \xff"]),
        case("bad-between", [b"text", b"\xff", b"text"]),
        case("overlong-over-two", [b"text \xc0", b"\xaf text"]),
        case("surrogate-over-two", [b"text \xed", b"\xa0\x80 text"]),
        case("surrogate-over-three", [b"text \xed", b"\xa0", b"\x80 text"]),
        case("beyond-unicode-over-two", [b"text \xf4", b"\x90\x80\x80"]),
        case("beyond-unicode-over-four", [b"text \xf4", b"\x90", b"\x80", b"\x80"]),
        case("ends-within-a-character", [b"text", b"text \xe2\x82"]),
        case("last-is-empty", [b"text \xe2\x82", b""]),
        case("character-broken-off", [b"text \xe2\x82", b"text"]),
        case("with-empty-ones", [b"", b"text \xf0", b"", b"\x9f\x98", b"", b"t"]),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.text.utf8.fragmented")
async def test_fragmented_text_that_is_not_utf8(websocket: WebSockets, pieces: list[bytes], delivery: Delivery) -> None:
    """A fragmented text message that is not UTF-8 as a whole makes the server end the connection."""
    await judge_failure(websocket, fragments(pieces), delivery)


def fragments(pieces: list[bytes]) -> bytes:
    """Return a text message of these fragments."""
    last = len(pieces) - 1
    return b"".join(
        frame(CONTINUATION if number else TEXT, piece, fin=number == last) for number, piece in enumerate(pieces)
    )


@pytest.mark.parametrize(
    "data",
    [
        case("in-a-fragment", frame(TEXT, b"text \xff text", fin=False)),
        case("in-a-frame", frame(TEXT, b"text \xff text".ljust(100))[:60]),
        case("over-two-fragments", frame(TEXT, b"\xf4", fin=False) + frame(CONTINUATION, b"\x90", fin=False)),
    ],
)
@requires("rfc6455.text.utf8.early")
async def test_text_that_is_not_utf8_before_it_is_complete(websocket: WebSockets, data: bytes) -> None:
    """Whether the server ends the connection as soon as a text cannot become UTF-8 any more is recorded."""
    talk = await converse(websocket)
    await talk.deliver(data)
    await talk.websocket.settle()
    early = talk.peer.close_received is not None or talk.peer.over
    websocket.observe("ends it at once" if early else "waits for more")


# They are valid in UTF-8, all 66 of them.
NONCHARACTERS = "".join(
    [*map(chr, range(0xFDD0, 0xFDF0)), *(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))]
)

# Valid texts, the bounds of what UTF-8 can say among them.
GOOD = [
    case("null", "\0é"),
    case("bounds-of-two-bytes", "\x7f\x80\u07ff"),
    case("bounds-of-three-bytes", "\u0800\uffff"),
    case("bounds-of-four-bytes", "\U00010000\U0010ffff"),
    case("around-the-surrogates", "\ud7ff\ue000"),
    case("noncharacters", "\ufdd0\ufffe\U0001fffe\U0010fffe"),
    case("all-noncharacters", NONCHARACTERS),
    case("byte-order-mark", "\ufefftext"),
    case("replacement-character", "\ufffd"),
    case("combining", "e\u0301 \u1100\u1161"),
    case("scripts", "κόσμε Привет 世界 שלום"),
    case("emoji", "👩\u200d👩\u200d👧"),
]


@pytest.mark.parametrize("content", GOOD)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc6455.text.split-character")
async def test_characters_parted_by_fragments(websocket: WebSockets, content: str, delivery: Delivery) -> None:
    """Text arrives unchanged, also where each of its bytes is a fragment of its own."""
    talk = await converse(websocket)
    octets = content.encode()
    await talk.deliver(frame(TEXT, octets) + fragments([octets[at : at + 1] for at in range(len(octets))]), delivery)
    assert await talk.received(2) == [content, content]


@requires("rfc6455.text.split-character")
async def test_ping_within_a_character(websocket: WebSockets) -> None:
    """Text arrives unchanged where a ping comes between two fragments that part a character."""
    talk = await converse(websocket)
    await talk.deliver(frame(TEXT, b"\xe2\x82", fin=False) + frame(PING, b"ping") + frame(CONTINUATION, b"\xac"))
    assert await talk.received() == ["€"]
    assert (await talk.peer.frame_of(PONG)).payload == b"ping"


@pytest.mark.parametrize("content", [*GOOD, case("long", "tëxt €" * 12_000)])
@requires("rfc6455.text.utf8.sent")
async def test_text_is_sent_in_utf8(websocket: WebSockets, content: str) -> None:
    """Text of the application is on the wire as UTF-8."""
    peer, application = await websocket.open()
    application.start_send(text(content))
    assert await peer.message() == content


@pytest.mark.parametrize(
    "content",
    [
        case("high-surrogate", "text \ud800"),
        case("low-surrogate", "\udfff text"),
        case("surrogate-pair", "\ud83d\ude00"),
        case("escaped-byte", "text \udcff"),
    ],
)
@requires("rfc6455.text.utf8.sent")
async def test_text_without_utf8(websocket: WebSockets, content: str) -> None:
    """Where the application gives a text that has no UTF-8, nothing reaches the wire but UTF-8."""
    talk = await converse(websocket)
    await talk.attempt(text(content))
    assert talk.peer.refused is None, talk.peer.outcome
