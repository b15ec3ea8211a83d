"""Messages between client and application: www.rst, "Receive" and "Send" events of WebSocket."""

import asyncio

import pytest

from asgi_conformance.fixtures.application import Event
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.frames import PING, PONG
from asgi_conformance.fixtures.values import difference, kind
from asgi_conformance.fixtures.websocket import Message, WebSockets, binary, send_event, text

TEXTS = [
    case("ascii", "hello"),
    case("other-scripts", "你好, мир, café, 🐍"),
    case("control-characters", "a\0b\nc\x7fd"),
    case("byte-order-mark", "\ufeffhello"),
    case("64-kib", "x" * 65536),
]
BINARIES = [
    case("ascii", b"hello"),
    case("every-byte", bytes(range(256))),
    case("not-utf8", b"\xff\xfe\x80"),
    case("one-byte", b"\0"),
    case("64-kib", b"\xff" * 65536),
]
PIECE = b"p" * 262_144
ENOUGH = 64 << 20  # bytes: far beyond what the operating system's buffers of both ends take in
EITHER = [case("text", "hello"), case("binary", b"hello")]


def content(event: Event) -> Message:
    """Return the message of a ``websocket.receive`` event: the one of its two keys that is not None."""
    assert event["type"] == "websocket.receive", f"expected a message, and received {dict(event)!r}"
    given = [event[key] for key in ("text", "bytes") if event.get(key) is not None]
    assert len(given) == 1, f"of text and bytes there are {len(given)} in {dict(event)!r}"
    message: Message = given[0]
    return message


# --- what the application receives ------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", EITHER)
@requires("websocket.receive.type.type")
async def test_type_of_the_type(websocket: WebSockets, message: Message) -> None:
    """The `type` of the event is exactly a str."""
    peer, application = await websocket.open()
    peer.send(message)
    assert kind((await application.receive())["type"]) == "str"


@pytest.mark.parametrize("message", EITHER)
@requires("websocket.receive.type.value")
async def test_message_comes_as_a_receive_event(websocket: WebSockets, message: Message) -> None:
    """A message comes as an event of the type "websocket.receive"."""
    peer, application = await websocket.open()
    peer.send(message)
    assert (await application.receive())["type"] == "websocket.receive"


@pytest.mark.parametrize("message", TEXTS)
@requires("websocket.receive.text.value", "websocket.receive.text.default", "websocket.receive.bytes.default")
async def test_text_message_is_in_text(websocket: WebSockets, message: str) -> None:
    """A text message is in `text`, decoded, and `bytes` is missing or None."""
    peer, application = await websocket.open()
    peer.send(message)
    event = await application.receive()
    assert event.get("text") == message
    assert event.get("bytes") is None


@pytest.mark.parametrize("message", BINARIES)
@requires("websocket.receive.bytes.value", "websocket.receive.bytes.default", "websocket.receive.text.default")
async def test_binary_message_is_in_bytes(websocket: WebSockets, message: bytes) -> None:
    """A binary message is in `bytes`, octet for octet, and `text` is missing or None."""
    peer, application = await websocket.open()
    peer.send(message)
    event = await application.receive()
    assert event.get("bytes") == message
    assert event.get("text") is None


@pytest.mark.parametrize(
    ("message", "key", "expected"),
    [
        case("text", "hello", "text", "str", requires="websocket.receive.text.type"),
        case("binary", b"hello", "bytes", "bytes", requires="websocket.receive.bytes.type"),
        case("compressed-binary", b"hello" * 100, "bytes", "bytes", requires="websocket.receive.bytes.type"),
    ],
)
@requires()
async def test_type_of_the_content(websocket: WebSockets, message: Message, key: str, expected: str) -> None:
    """`text` is exactly a str, and `bytes` exactly bytes, compressed on the wire or not."""
    peer, application = await websocket.open(extensions=b"permessage-deflate")
    peer.send(message, compressed=peer.deflate is not None and len(message) > 100)
    assert kind((await application.receive())[key]) == expected


@pytest.mark.parametrize("message", EITHER)
@requires("websocket.receive.exactly-one")
async def test_exactly_one_key_is_not_none(websocket: WebSockets, message: Message) -> None:
    """Exactly one of `text` and `bytes` is not None."""
    peer, application = await websocket.open()
    peer.send(message)
    event = await application.receive()
    assert sum(event.get(key) is not None for key in ("text", "bytes")) == 1


@pytest.mark.parametrize(("message", "key"), [case("text", "", "text"), case("binary", b"", "bytes")])
@requires("websocket.receive.empty")
async def test_empty_message_is_a_message(websocket: WebSockets, message: Message, key: str) -> None:
    """A message without content is an event whose key is empty and not None."""
    peer, application = await websocket.open()
    peer.send(message)
    event = await application.receive()
    assert event["type"] == "websocket.receive"
    assert event.get(key) == message
    assert event.get("bytes" if key == "text" else "text") is None


@pytest.mark.parametrize("message", EITHER)
@requires("websocket.receive.both-keys")
async def test_keys_of_a_receive_event(websocket: WebSockets, message: Message) -> None:
    """Which of the two keys are in the event is the server's choice."""
    peer, application = await websocket.open()
    peer.send(message)
    event = await application.receive()
    websocket.observe(f"the event has {', '.join(key for key in ('text', 'bytes') if key in event)}")


@requires("websocket.receive.each-message")
async def test_each_message_comes_once_and_in_order(websocket: WebSockets) -> None:
    """A hundred messages of both kinds, sent at once, come one by one, each once, in their order."""
    peer, application = await websocket.open()
    sent: list[Message] = [f"text {n}" if n % 3 else b"binary %d" % n for n in range(100)]
    for message in sent:
        peer.send(message)
    assert [content(await application.receive()) for _ in sent] == sent


@pytest.mark.parametrize(
    ("message", "sizes"),
    [
        case("text-in-two", "hello world", [5]),
        case("text-within-a-character", "日本", [1]),
        case("text-byte-by-byte", "déjà vu", [1] * 8),
        case("binary-in-three", b"\x00\x01\x02\x03", [1, 2]),
        case("with-empty-fragments", b"content", [0, 3, 0]),
    ],
)
@requires("websocket.receive.whole-message")
async def test_fragmented_message_comes_whole(websocket: WebSockets, message: Message, sizes: list[int]) -> None:
    """However a message is fragmented, its whole content is in one event."""
    peer, application = await websocket.open()
    peer.send(message, sizes)
    peer.send("and then")
    assert content(await application.receive()) == message
    assert content(await application.receive()) == "and then"


@requires("websocket.fragments.handled")
async def test_fragment_alone_is_no_event(websocket: WebSockets) -> None:
    """While the last fragment is still to come, `receive` waits."""
    peer, application = await websocket.open()
    peer.send_frame(1, b"first", fin=False)
    waiting = application.start_receive()
    await websocket.settle()
    assert not waiting.done
    peer.send_frame(0, b" and last")
    assert content(await waiting.value()) == "first and last"


@requires("websocket.ping.answered")
async def test_ping_is_answered_by_the_server(websocket: WebSockets) -> None:
    """A ping is answered while the application does nothing."""
    peer, _ = await websocket.open()
    peer.send_frame(PING, b"are you there")
    assert (await peer.frame_of(PONG)).payload == b"are you there"


@requires("websocket.ping.hidden")
async def test_ping_and_pong_are_no_events(websocket: WebSockets) -> None:
    """Neither a ping nor a pong of the client is an event, also in the middle of a message."""
    peer, application = await websocket.open()
    peer.send_frame(PING, b"one")
    peer.send_frame(1, b"first", fin=False)
    peer.send_frame(PONG, b"unasked")
    peer.send_frame(PING)
    peer.send_frame(0, b" and last")
    assert content(await application.receive()) == "first and last"


# --- what the application sends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", TEXTS)
@requires("websocket.send.text.value", "websocket.send.type.value")
async def test_text_goes_out_as_a_text_message(websocket: WebSockets, message: str) -> None:
    """An event with `text` is a text message on the wire with just this content."""
    peer, application = await websocket.open()
    sending = application.start_send(text(message))
    assert await peer.message() == message
    await sending.value()


@pytest.mark.parametrize("message", BINARIES)
@requires("websocket.send.bytes.value")
async def test_bytes_go_out_as_a_binary_message(websocket: WebSockets, message: bytes) -> None:
    """An event with `bytes` is a binary message on the wire with just this content."""
    peer, application = await websocket.open()
    sending = application.start_send(binary(message))
    assert await peer.message() == message
    await sending.value()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        case("text-alone", {"text": "hello"}, "hello", requires="websocket.send.bytes.default"),
        case("bytes-alone", {"bytes": b"hello"}, b"hello", requires="websocket.send.text.default"),
        case("bytes-none", {"bytes": None, "text": "hello"}, "hello", requires="websocket.send.both-keys"),
        case("text-none", {"bytes": b"hello", "text": None}, b"hello", requires="websocket.send.both-keys"),
        case("empty-text", {"text": ""}, "", requires="websocket.send.empty"),
        case("empty-bytes", {"bytes": b""}, b"", requires="websocket.send.empty"),
        case("empty-text-bytes-none", {"text": "", "bytes": None}, "", requires="websocket.send.empty"),
        case("empty-bytes-text-none", {"bytes": b"", "text": None}, b"", requires="websocket.send.empty"),
    ],
)
@requires()
async def test_message_with_these_keys_goes_out(websocket: WebSockets, event: Event, message: Message) -> None:
    """The message goes out, whether the other key is missing or None, and whether or not it has content."""
    peer, application = await websocket.open()
    await application.send({"type": "websocket.send", **event})
    assert await peer.message() == message


@requires("websocket.send.each-message")
async def test_each_event_is_a_message_in_order(websocket: WebSockets) -> None:
    """A hundred events of both kinds are a hundred messages on the wire, in their order."""
    peer, application = await websocket.open()
    sent: list[Message] = [f"text {n}" if n % 3 else b"binary %d" % n for n in range(100)]
    for message in sent:
        await application.send(send_event(message))
    assert [await peer.message() for _ in sent] == sent


@pytest.mark.parametrize(
    "event",
    [
        case("neither", {}, requires="websocket.send.exactly-one.neither"),
        case("both-none", {"text": None, "bytes": None}, requires="websocket.send.exactly-one.neither"),
        case("both", {"text": "a", "bytes": b"b"}, requires="websocket.send.exactly-one.both"),
    ],
)
@requires()
async def test_event_without_exactly_one_content_raises(websocket: WebSockets, event: Event) -> None:
    """`send` raises for an event in which not exactly one of `text` and `bytes` is something."""
    _, application = await websocket.open()
    assert await application.attempt({"type": "websocket.send", **event}) is not None


@pytest.mark.parametrize("event", [case("neither", {}), case("both", {"text": "a", "bytes": b"b"})])
@requires("websocket.send.exactly-one.survived")
async def test_what_goes_out_without_exactly_one_content(websocket: WebSockets, event: Event) -> None:
    """What reaches the client of an event with both or neither is the server's choice."""
    peer, application = await websocket.open()
    raised = await application.attempt({"type": "websocket.send", **event})
    if application.over or peer.close_received is not None:
        websocket.observe(f"send raises {raised!r}, and the connection ends")
        return
    again = await application.attempt(text("the end"))
    await websocket.settle()
    shown = [message for message in peer.messages if message != "the end"]
    websocket.observe(f"{shown!r} goes out; send raises {raised!r}, and then {again!r}")


@pytest.mark.parametrize(
    "event",
    [
        case("type-none", {"type": None, "text": "a"}, requires="websocket.send.type.type"),
        case("type-bytes", {"type": b"websocket.send", "text": "a"}, requires="websocket.send.type.type"),
        case("text-bytes", {"type": "websocket.send", "text": b"a"}, requires="websocket.send.text.type"),
        case("text-int", {"type": "websocket.send", "text": 1}, requires="websocket.send.text.type"),
        case("text-list", {"type": "websocket.send", "text": ["a"]}, requires="websocket.send.text.type"),
        case("bytes-str", {"type": "websocket.send", "bytes": "a"}, requires="websocket.send.bytes.type"),
        case("bytes-int", {"type": "websocket.send", "bytes": 1}, requires="websocket.send.bytes.type"),
        case("bytes-list", {"type": "websocket.send", "bytes": [1]}, requires="websocket.send.bytes.type"),
        case("no-type", {"text": "a"}, requires="core.send.missing-key.raises"),
        case("unknown-type", {"type": "websocket.probe"}, requires="core.send.unknown-type.raises"),
        case("of-http", {"type": "http.response.body", "body": b"a"}, requires="core.send.unknown-type.raises"),
        case("of-receive", {"type": "websocket.receive", "text": "a"}, requires="core.send.unknown-type.raises"),
        case("accept-again", {"type": "websocket.accept"}, requires="core.send.wrong-order.raises"),
        case("no-dict", "websocket.send", requires="core.send.not-a-dict.raises"),
    ],
)
@requires()
async def test_wrong_event_raises(websocket: WebSockets, event: Event) -> None:
    """`send` raises for an event that is not as the specification has it."""
    _, application = await websocket.open()
    assert await application.attempt(event) is not None, "send returned"


@requires("core.send.extra-keys-accepted")
async def test_additional_keys_are_accepted(websocket: WebSockets) -> None:
    """An additional key in an event does not make `send` raise."""
    peer, application = await websocket.open()
    await application.send({**text("hello"), "extra": 1})
    assert await peer.message() == "hello"


# --- both at once, and many -------------------------------------------------------------------------------------------


@requires("core.receive.pending-while-sending")
async def test_receive_waits_while_send_goes_on(websocket: WebSockets) -> None:
    """A receive that waits in one task holds up no send in another, and gets the next message."""
    peer, application = await websocket.open()
    waiting = application.start_receive()
    for number in range(5):
        await application.send(text(f"message {number}"))
        assert await peer.message() == f"message {number}"
    assert not waiting.done
    peer.send("at last")
    assert content(await waiting.value()) == "at last"


@requires("core.application.concurrent")
async def test_many_sockets_at_once(websocket: WebSockets) -> None:
    """200 sockets are open at once, and each echoes its own message."""
    pairs = await asyncio.gather(*(websocket.open(f"/{number}") for number in range(200)))
    for number, (peer, _) in enumerate(pairs):
        peer.send(f"of {number}")
    for number, (peer, application) in enumerate(pairs):
        assert content(await application.receive()) == f"of {number}"
        await application.send(text(f"to {number}"))
        assert await peer.message() == f"to {number}"


@requires("core.send.back-pressure")
async def test_send_waits_for_a_client_that_does_not_read(websocket: WebSockets) -> None:
    """`send` waits for a client that does not read, and goes on when it reads again."""
    connection = await websocket.connect(receive_buffer=4096)
    peer, application = await websocket.open(connection=connection)
    connection.stop_reading()
    sent = 0
    step = application.start_send(binary(PIECE))
    while sent < ENOUGH:
        for _ in range(20):
            if step.done:
                break
            await websocket.exchange()
        if not step.done:
            break
        await step.value()
        sent += len(PIECE)
        step = application.start_send(binary(PIECE))
    assert sent < ENOUGH, f"the server took in {sent} bytes, and send never waited"
    connection.resume_reading()
    await step.value()
    for _ in range(sent // len(PIECE) + 1):
        assert difference(await peer.binary_message(), PIECE) is None
