"""Control frames, pings and pongs: RFC 6455, sections 5.5, 5.5.2 and 5.5.3."""

import pytest

from asgi_conformance.fixtures.checks import Broken, case, requires
from asgi_conformance.fixtures.conversation import AFTERWARDS, BYTEWISE, converse
from asgi_conformance.fixtures.delivery import WHOLE, Delivery
from asgi_conformance.fixtures.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from asgi_conformance.fixtures.transcript import shorten
from asgi_conformance.fixtures.websocket import WebSockets, close

CLEAR_ONLY = True  # it is about bytes

CUTS = [case("at-once", WHOLE), case("bytewise", BYTEWISE)]
LONG, FRAGMENTED = "rfc6455.control.length.received", "rfc6455.control.fragmented.received"
CODE = 3456  # of close frames that are no good ones


# --- what is no good control frame ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        case("ping-of-126-bytes", frame(PING, b"p" * 126), requires=LONG),
        case("ping-of-65536-bytes", frame(PING, b"p" * 65536), requires=LONG),
        case("pong-of-126-bytes", frame(PONG, b"p" * 126), requires=LONG),
        case("close-of-126-bytes", frame(CLOSE, close_payload(CODE, b"r" * 124)), requires=LONG),
        case("close-of-300-bytes", frame(CLOSE, close_payload(CODE, b"r" * 298)), requires=LONG),
        case("ping", frame(PING, b"ping", fin=False), requires=FRAGMENTED),
        case("empty-ping", frame(PING, fin=False), requires=FRAGMENTED),
        case("ping-and-continuation", frame(PING, b"ping", fin=False) + frame(CONTINUATION, b"p"), requires=FRAGMENTED),
        case("pong", frame(PONG, b"pong", fin=False), requires=FRAGMENTED),
        case("close", frame(CLOSE, close_payload(CODE), fin=False), requires=FRAGMENTED),
        case(
            "ping-between-fragments",
            frame(TEXT, b"one", fin=False) + frame(PING, b"ping", fin=False),
            requires=FRAGMENTED,
        ),
        case("long-ping-between-fragments", frame(TEXT, b"one", fin=False) + frame(PING, b"p" * 126), requires=LONG),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires()
async def test_bad_control_frame(websocket: WebSockets, data: bytes, delivery: Delivery) -> None:
    """A control frame that is too long or fragmented is not answered, and nothing of it reaches the application."""
    talk = await converse(websocket)
    await talk.deliver(data, delivery)
    await talk.failed_or_went_on()
    pongs = [found.payload for found in talk.peer.frames if found.opcode == PONG]
    assert not [payload for payload in pongs if not payload or payload[:1] == b"p"], "the ping was answered"
    if talk.peer.close_received is not None and talk.peer.close_received.code == CODE:
        raise Broken("the close frame was answered as a good one")
    if talk.disconnect is not None and talk.disconnect["code"] == CODE:
        raise Broken(f"the close frame reached the application as a good one: {shorten(dict(talk.disconnect))}")
    assert talk.messages in ([], [AFTERWARDS])


# --- of the server ----------------------------------------------------------------------------------------------------

REASONS = [
    case("longest", "r" * 123),
    case("one-too-long", "r" * 124),
    case("much-too-long", "r" * 1000),
]


@pytest.mark.parametrize("reason", REASONS)
@requires("rfc6455.control.sent")
async def test_close_frame_has_125_bytes_at_most(websocket: WebSockets, reason: str) -> None:
    """Whatever reason the application gives, the close frame is a single frame of 125 bytes or less."""
    talk = await converse(websocket, listens=False)
    await talk.attempt(close(code=1000, reason=reason))
    assert talk.peer.refused is None, talk.peer.outcome
    sent = [found for found in talk.peer.frames if found.opcode == CLOSE]
    assert [found for found in sent if len(found.payload) > 125 or not found.fin] == []


@requires("rfc6455.control.sent")
async def test_pong_is_not_fragmented(websocket: WebSockets) -> None:
    """The answer to the longest ping that there can be is one frame."""
    talk = await converse(websocket)
    await talk.ping(b"p" * 125)
    assert [found.fin for found in talk.peer.frames] == [True]


# --- pings and pongs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", CUTS)
@pytest.mark.parametrize("payload", [case("empty", b""), case("short", b"ping"), case("longest", b"p" * 125)])
@requires("rfc6455.ping.answered")
async def test_ping_is_answered(websocket: WebSockets, payload: bytes, delivery: Delivery) -> None:
    """A ping is answered with a pong."""
    talk = await converse(websocket)
    await talk.deliver(frame(PING, payload), delivery)
    await talk.peer.frame_of(PONG)


@requires("rfc6455.ping.answered")
async def test_ping_after_messages_is_answered(websocket: WebSockets) -> None:
    """A ping is answered also after messages have passed both ways."""
    talk = await converse(websocket)
    talk.peer.send("from the client")
    await talk.received()
    await talk.send("from the application")
    await talk.peer.message()
    await talk.ping()


@requires("rfc6455.ping.soon")
async def test_ping_is_answered_while_the_application_is_idle(websocket: WebSockets) -> None:
    """A ping is answered while the application neither receives nor sends."""
    peer, _ = await websocket.open()
    peer.send_frame(PING, b"ping")
    await peer.frame_of(PONG)


@requires("rfc6455.ping.soon")
async def test_ping_within_a_message_is_answered_while_the_application_is_idle(websocket: WebSockets) -> None:
    """A ping between fragments is answered while the application neither receives nor sends."""
    peer, _ = await websocket.open()
    peer.connection.write(frame(TEXT, b"one", fin=False))
    peer.send_frame(PING, b"ping")
    await peer.frame_of(PONG)


@pytest.mark.parametrize(
    "payload",
    [
        case("empty", b""),
        case("text", b"ping"),
        case("no-utf-8", b"\0\xff\xfe\x80"),
        case("like-a-frame", frame(TEXT, b"text")),
        case("longest", bytes(range(130, 255))),
    ],
)
@requires("rfc6455.pong.same-data")
async def test_pong_has_the_data_of_the_ping(websocket: WebSockets, payload: bytes) -> None:
    """The pong has the same data as the ping that it answers."""
    talk = await converse(websocket)
    talk.peer.send_frame(PING, payload)
    assert (await talk.peer.frame_of(PONG)).payload == payload


@requires("rfc6455.pong.same-data")
async def test_pongs_come_in_the_order_of_pings(websocket: WebSockets) -> None:
    """Each of several pings, sent one at a time, gets a pong with its data."""
    talk = await converse(websocket)
    for number in range(10):
        talk.peer.send_frame(PING, b"%d" % number)
        assert (await talk.peer.frame_of(PONG)).payload == b"%d" % number


@requires("rfc6455.pong.most-recent")
async def test_several_pings_at_once(websocket: WebSockets) -> None:
    """Whether each of ten pings that come at once is answered is recorded; the last one is."""
    talk = await converse(websocket)
    payloads = [b"ping %d" % number for number in range(10)]
    await talk.deliver(b"".join(frame(PING, payload) for payload in payloads))
    pongs: list[bytes] = []
    while not pongs or pongs[-1] != payloads[-1]:
        pongs.append((await talk.peer.frame_of(PONG)).payload)
    websocket.observe("answers each" if pongs == payloads else f"answers {len(pongs)} of 10")


@pytest.mark.parametrize("payload", [case("empty", b""), case("with-data", b"pong"), case("longest", b"p" * 125)])
@requires("rfc6455.pong.unsolicited")
async def test_unsolicited_pong(websocket: WebSockets, payload: bytes) -> None:
    """A pong that the server did not ask for changes nothing: nothing is sent in answer, and the connection goes on."""
    talk = await converse(websocket)
    talk.peer.send_frame(PONG, payload)
    await talk.ping(b"a ping")
    assert [found.payload for found in talk.peer.frames if found.opcode == PONG] == [b"a ping"]
    talk.peer.send("goes on")
    assert await talk.received() == ["goes on"]
