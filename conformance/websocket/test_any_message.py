"""Any message, any fragmentation, any bytes: what holds for all of them. RFC 6455 and RFC 7692."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from hypothesis.strategies import SearchStrategy

from asgi_conformance.conformance.websocket.test_close_handshake import is_utf8
from asgi_conformance.conformance.websocket.test_compression import (
    OFFERS,
    PLAIN,
    arrived,
    judge_wire,
    needs_compression,
    offered,
)
from asgi_conformance.fixtures import frames, strategies
from asgi_conformance.fixtures.checks import Broken, requires
from asgi_conformance.fixtures.conversation import Conversation, converse
from asgi_conformance.fixtures.deflate import RSV1, Compressor, Inflater, compressed
from asgi_conformance.fixtures.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from asgi_conformance.fixtures.properties import Machine, given, long, run_machine
from asgi_conformance.fixtures.transcript import shorten
from asgi_conformance.fixtures.websocket import Message, WebSockets, close, send_event

CLEAR_ONLY = True  # it is about bytes


# --- what is drawn ----------------------------------------------------------------------------------------------------


def texts() -> SearchStrategy[str]:
    """Any text, of any characters, some of it long."""
    any_text = st.text(st.characters(codec="utf-8"), max_size=24)
    return any_text | st.builds(lambda unit, size: (unit * size)[:size], any_text, st.integers(0, 3000))


def messages() -> SearchStrategy[Message]:
    """Any message of either kind."""
    return texts() | strategies.bodies()


def keys() -> SearchStrategy[bytes]:
    """Any masking key."""
    return st.binary(min_size=4, max_size=4)


@dataclass(frozen=True)
class Sent:
    """One message as a client sends it: where it is cut, what comes between the fragments, and the masking keys."""

    message: Message
    cuts: tuple[int, ...]
    between: tuple[tuple[int, bytes], ...]
    key: bytes

    @property
    def payload(self) -> bytes:
        """The content, as bytes."""
        return self.message.encode() if isinstance(self.message, str) else self.message

    def frames(self, payload: bytes | None = None, bit: int = 0) -> bytes:
        """Return the frames, control frames included; ``payload`` and ``bit``: those of a compressed message."""
        payload = self.payload if payload is None else payload
        kind = TEXT if isinstance(self.message, str) else BINARY
        ends = sorted(min(cut, len(payload)) for cut in self.cuts)
        pieces = [payload[start:end] for start, end in zip([0, *ends], [*ends, len(payload)], strict=True)]
        data = b""
        for number, piece in enumerate(pieces):
            opcode, last = CONTINUATION if number else kind, number == len(pieces) - 1
            data += frame(opcode, piece, fin=last, rsv=0 if number else bit, mask=self.key)
            if number < len(self.between):
                control, content = self.between[number]
                data += frame(control, content, mask=self.key)
        return data

    @property
    def pings(self) -> list[bytes]:
        """The pings between the fragments and behind the last."""
        return [content for control, content in self.between[: len(self.cuts) + 1] if control == PING]


def in_any_frames() -> SearchStrategy[Sent]:
    """Any message in any fragments with any control frames between them."""
    control = st.tuples(st.sampled_from([PING, PONG]), st.binary(max_size=125))
    return st.builds(
        Sent,
        messages(),
        st.lists(st.integers(0, 300), max_size=5).map(tuple),
        st.lists(control, max_size=4).map(tuple),
        keys(),
    )


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return the bytes as TCP may cut them."""
    ends = sorted({min(cut, len(data)) for cut in cuts} - {0})
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True) if end > start]


async def write(talk: Conversation, data: bytes, cuts: list[int]) -> None:
    """Write bytes in pieces, each with a turn of the server's in between if it likes."""
    for piece in pieces_of(data, cuts):
        await talk.deliver(piece)


CUTS = st.lists(st.integers(0, 400), max_size=6)


def pongs(talk: Conversation) -> list[bytes]:
    """Return the payloads of all pongs so far."""
    return [found.payload for found in talk.peer.frames if found.opcode == PONG]


def judge_pongs(found: list[bytes], pings: list[bytes]) -> None:
    """Make sure that pongs answer pings in their order, of which some may be left out, and the last not."""
    remaining = iter(pings)
    assert all(pong in remaining for pong in found), f"the pongs {shorten(found)} do not answer {shorten(pings)}"
    assert found[-1:] == pings[-1:], "the last ping is not answered"


# --- messages that are good -------------------------------------------------------------------------------------------


@requires(
    "rfc6455.fragments.both",
    "rfc6455.fragments.concatenated",
    "rfc6455.fragments.any-size",
    "rfc6455.fragments.control-between",
    "rfc6455.masking.any-key",
    "rfc6455.data.parsed",
)
@given(sent=st.lists(in_any_frames(), min_size=1, max_size=4), cuts=CUTS)
async def test_messages_of_the_client(websocket: WebSockets, sent: list[Sent], cuts: list[int]) -> None:
    """Messages arrive whole and in order, whatever their fragments, keys and segments, and the pings between get pongs."""
    talk = await converse(websocket)
    await write(talk, b"".join(each.frames() for each in sent), cuts)
    assert await talk.received(len(sent)) == [each.message for each in sent]
    await talk.ping(b"the last")
    judge_pongs(pongs(talk), [*(ping for each in sent for ping in each.pings), b"the last"])
    assert len(talk.events) == len(sent)


@requires(
    "rfc6455.length.sent",
    "rfc6455.length.minimal.sent",
    "rfc6455.data.type.sent",
    "rfc6455.text.utf8.sent",
    "rfc6455.binary.opaque",
)
@given(sent=st.lists(messages().filter(bool), min_size=1, max_size=5))
async def test_messages_of_the_application(websocket: WebSockets, sent: list[Message]) -> None:
    """Messages of the application, other than empty ones, reach the client whole and in order."""
    talk = await converse(websocket)
    await talk.send(*sent)
    assert [await talk.peer.message() for _ in sent] == sent
    assert [found for found in talk.peer.frames if found.size != found.minimal_size] == []


ANY_OFFER = st.sampled_from([row.values[0] for row in OFFERS])


@requires("rfc7692.receive.compressed", "rfc7692.receive.uncompressed", "rfc7692.offer.unsupported")
@given(offer=ANY_OFFER, sent=st.lists(st.tuples(in_any_frames(), st.booleans()), min_size=1, max_size=4))
async def test_compressed_messages_of_the_client(
    websocket: WebSockets, offer: Any, sent: list[tuple[Sent, bool]]
) -> None:
    """Compressed messages arrive like uncompressed ones, whatever was agreed on and however they are cut."""
    talk, agreed = await offered(websocket, offer)
    if agreed is None:
        return
    compressor = Compressor(agreed)
    for each, compress in sent:
        # With pings in between is a requirement of its own, of which there are examples.
        plain = Sent(each.message, each.cuts, (), each.key)
        await talk.deliver(
            plain.frames(compressor.compress(plain.payload), RSV1) if compress else plain.frames(),
        )
    assert await talk.received(len(sent)) == [each.message for each, _ in sent]


@requires("rfc7692.send.bit", "rfc7692.offer.unsupported")
@given(offer=ANY_OFFER, sent=st.lists(messages(), min_size=1, max_size=5))
async def test_compressed_messages_of_the_application(websocket: WebSockets, offer: Any, sent: list[Message]) -> None:
    """Messages of the application reach the client whole and in order, whatever was agreed on."""
    talk, agreed = await offered(websocket, offer)
    if agreed is None:
        return
    await talk.send(*sent)
    await arrived(talk, len(sent))
    judge_wire(talk, Inflater(agreed), tuple(sent))


# --- what is no good --------------------------------------------------------------------------------------------------


def no_utf8() -> SearchStrategy[bytes]:
    """Any bytes that are not UTF-8, most of them nearly so."""
    edited = st.builds(
        lambda text, at, what: text[: at % (len(text) + 1)] + what + text[at % (len(text) + 1) :],
        texts().map(str.encode),
        st.integers(0, 4000),
        st.binary(min_size=1, max_size=3),
    )
    cut = st.builds(lambda text, at: text[: at % (len(text) + 1)], texts().map(str.encode), st.integers(0, 4000))
    return (edited | cut | st.binary(min_size=1, max_size=12)).filter(lambda data: not is_utf8(data))


async def judge_refusal(websocket: WebSockets, data: bytes, offer: bytes | None = None) -> None:
    """Make sure that the server ends the connection upon these bytes, and the application gets no message of them."""
    talk = await converse(websocket, offer)
    await talk.deliver(data)
    await talk.failed()
    assert talk.messages == [], f"the application received {shorten(talk.messages)}"


@requires("rfc6455.text.utf8.received", "rfc6455.text.utf8.fragmented")
@given(content=no_utf8(), cuts=st.lists(st.integers(0, 40), max_size=4), key=keys())
async def test_text_that_is_not_utf8(websocket: WebSockets, content: bytes, cuts: list[int], key: bytes) -> None:
    """A text message that is not UTF-8 makes the server end the connection, wherever it is bad and wherever it is cut."""
    data = Sent("", tuple(cuts), (), key).frames(content)
    await judge_refusal(websocket, data)


@requires("rfc7692.utf8.after-decompression")
@given(share=4, content=no_utf8(), cuts=st.lists(st.integers(0, 40), max_size=4), key=keys())
async def test_compressed_text_that_is_not_utf8(
    websocket: WebSockets, content: bytes, cuts: list[int], key: bytes
) -> None:
    """A compressed text message that is not UTF-8 makes the server end the connection, wherever it is cut."""
    await needs_compression(websocket)
    await judge_refusal(websocket, Sent("", tuple(cuts), (), key).frames(compressed(content), RSV1), PLAIN)


def understood(data: bytes) -> list[Message]:
    """Return the messages in a client's bytes that come before anything which RFC 6455 forbids, or which is no message."""
    found: list[Message] = []
    kind: int | None = None
    content = b""
    while len(data) >= 2:
        opcode, fin, length, start = data[0] & 15, bool(data[0] & 128), data[1] & 127, 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start], "big")
        payload = data[start + 4 : start + 4 + length]
        control = opcode >= CLOSE
        bad = data[0] & 112 or not data[1] & 128 or opcode not in frames.NAMES or length >= 1 << 63
        bad = bad or (control and (not fin or length > 125))
        bad = bad or (not control and (opcode == CONTINUATION) == (kind is None))
        if bad or len(payload) < length or opcode == CLOSE:
            break
        if not control:
            content += frames.masked_with(payload, data[start : start + 4])
            kind = opcode if kind is None else kind
        if not control and fin:
            if kind == TEXT and not is_utf8(content):
                break
            found.append(content.decode() if kind == TEXT else content)
            content, kind = b"", None
        data = data[start + 4 + length :]
    return found


def wrong_frames() -> SearchStrategy[bytes]:
    """Any frame of which anything may be wrong."""
    return st.builds(
        lambda opcode, payload, fin, rsv, masked, extra: frame(
            opcode, payload, fin, rsv, frames.MASK if masked else None, extra if len(payload) < 126 else None
        ),
        st.integers(0, 15),
        st.binary(max_size=12) | st.just(b"p" * 126),
        st.booleans(),
        st.sampled_from([0] * 8 + [1, 2, 4]),
        st.sampled_from([True] * 8 + [False]),
        st.sampled_from([None] * 8 + [2, 8]),
    )


def any_bytes() -> SearchStrategy[bytes]:
    """Good messages with something else between them: frames of any kind, or bytes of any kind."""
    good = in_any_frames().map(Sent.frames)
    edited = st.builds(
        lambda data, at, bits: (
            data[: at % len(data)] + bytes([data[at % len(data)] ^ bits]) + data[at % len(data) + 1 :]
        ),
        good,
        st.integers(0, 60),
        st.integers(1, 255),
    )
    return st.lists(good | wrong_frames() | edited | st.binary(max_size=8), max_size=6).map(b"".join)


@requires("rfc6455.invalid.validated")
@given(data=any_bytes(), cuts=CUTS)
async def test_any_bytes(websocket: WebSockets, data: bytes, cuts: list[int]) -> None:
    """Whatever follows the handshake, no message comes of what is none, and the server serves others afterwards."""
    talk = await converse(websocket)
    talk.stage.unsettled = True
    await write(talk, data, cuts)
    await websocket.settle()
    due = understood(data)
    assert talk.messages == due[: len(talk.messages)], f"the application received {shorten(talk.messages)}"


# --- a whole connection -----------------------------------------------------------------------------------------------

OPEN, CLOSED = "open", "closed"


class Connection(Machine):
    """A model of both ends of a connection: what either has sent, what the other has to get, and who has closed."""

    def __init__(self) -> None:
        super().__init__()
        self.state = OPEN
        self.code: int | None = None  # with which it was closed
        self.to_application: list[Message] = []
        self.to_client: list[Message] = []
        self.begun: tuple[bool, bytes] | None = None  # of a fragmented message: whether it is text, and what has gone
        self.pings = 0
        self.left = False  # the client has ended the connection without a close frame
        self.talk: Conversation = self.run(self.begin())

    async def begin(self) -> Conversation:
        """Open the connection."""
        talk = await converse(self.client, returns=False)
        await talk.ping(b"ping 0")  # the application receives by now, without which some servers answer nothing
        return talk

    # --- the client ---

    @precondition(lambda self: self.state == OPEN and self.begun is None)
    @rule(message=messages())
    def client_sends(self, message: Message) -> None:
        """A whole message."""
        self.run(self.arrives(frames.message_frames(message)[0], message))

    @precondition(lambda self: self.state == OPEN and self.begun is None)
    @rule(is_text=st.booleans(), content=st.text(st.sampled_from("aé€"), max_size=6))
    def client_begins(self, is_text: bool, content: str) -> None:
        """The first fragment of a message."""
        self.begun = is_text, content.encode()
        self.run(self.talk.deliver(frame(TEXT if is_text else BINARY, content.encode(), fin=False)))

    @precondition(lambda self: self.state == OPEN and self.begun is not None)
    @rule(content=st.text(st.sampled_from("aé€"), max_size=6), last=st.booleans())
    def client_goes_on(self, content: str, last: bool) -> None:
        """A further fragment of a message."""
        assert self.begun is not None
        is_text, before = self.begun
        data, whole = frame(CONTINUATION, content.encode(), fin=last), before + content.encode()
        self.begun = None if last else (is_text, whole)
        if last:
            self.run(self.arrives(data, whole.decode() if is_text else whole))
        else:
            self.run(self.talk.deliver(data))

    async def arrives(self, data: bytes, message: Message) -> None:
        """Send the last bytes of a message, and make sure that the application gets it."""
        self.to_application.append(message)
        await self.talk.deliver(data)
        received = await self.talk.received(len(self.to_application))
        assert received == self.to_application, f"the application received {shorten(received)}"

    @precondition(lambda self: self.state == OPEN)
    @rule()
    def client_pings(self) -> None:
        """A ping, which is answered with a pong and nothing else."""
        self.pings += 1
        self.run(self.talk.ping(b"ping %d" % self.pings))

    @precondition(lambda self: self.state == OPEN)
    @rule(payload=st.binary(max_size=125))
    def client_pongs(self, payload: bytes) -> None:
        """A pong that nobody has asked for."""
        self.run(self.talk.deliver(frame(PONG, payload)))

    @precondition(lambda self: self.state == OPEN)
    @rule(code=st.sampled_from([None, 1000, 1001, 3000, 4999]))
    def client_closes(self, code: int | None) -> None:
        """A close frame, which is answered; the application is told."""
        self.run(self.closes(code))

    async def closes(self, code: int | None) -> None:
        """Have the client close, and look at what comes of it on both ends."""
        self.state = CLOSED
        self.talk.peer.close_sent = True
        await self.talk.deliver(frame(CLOSE, close_payload(code)))
        await self.talk.disconnected()

    @precondition(lambda self: self.state == OPEN)
    @rule(reset=st.booleans())
    def client_leaves(self, reset: bool) -> None:
        """The end of the connection without a close frame."""
        self.state, self.left = CLOSED, True
        self.run(self.leaves(reset))

    async def leaves(self, reset: bool) -> None:
        """End the connection, upon which the application is told."""
        connection = self.talk.peer.connection
        (connection.reset if reset else connection.close)()
        await self.talk.disconnected()

    # --- the application ---

    @precondition(lambda self: self.state == OPEN)
    @rule(message=messages().filter(bool))
    def application_sends(self, message: Message) -> None:
        """A message, which the client gets."""
        self.run(self.is_sent(message))

    async def is_sent(self, message: Message) -> None:
        """Have the application send a message, and make sure that the client gets it."""
        self.to_client.append(message)
        await self.talk.send(message)
        assert await self.talk.peer.message() == message

    @precondition(lambda self: self.state == OPEN)
    @rule(code=st.sampled_from([1000, 3000, 4999]))
    def application_closes(self, code: int) -> None:
        """A close event, upon which the client gets a close frame."""
        self.run(self.is_closed(code))

    async def is_closed(self, code: int) -> None:
        """Have the application close, and look at what comes of it on both ends."""
        self.state = CLOSED
        self.talk.application.start_send(close(code=code))
        found = await self.talk.peer.closing()
        assert found.code == code
        await self.talk.disconnected()

    @precondition(lambda self: self.state == CLOSED)
    @rule(message=messages())
    def application_sends_too_late(self, message: Message) -> None:
        """A message after the end, of which nothing reaches the client."""
        self.run(self.is_too_late(message))

    async def is_too_late(self, message: Message) -> None:
        """Have the application send a message that cannot arrive."""
        await self.talk.attempt(send_event(message))

    # --- the end ---

    async def close(self) -> None:
        """Close what is still open; look at all that either end has got."""
        if self.state == OPEN:
            await self.closes(1000)
        peer = self.talk.peer
        if not self.talk.application.over:
            self.talk.application.command("return")
        if not self.left:
            await peer.closing()
        if peer.refused is not None:
            raise Broken(peer.outcome)
        assert self.talk.messages == self.to_application, f"the application received {shorten(self.talk.messages)}"
        assert peer.messages == self.to_client, f"the client received {shorten(peer.messages)}"
        assert len([found for found in peer.frames if found.opcode == CLOSE]) <= 1
        assert pongs(self.talk) == [b"ping %d" % number for number in range(self.pings + 1)]


@requires(
    "rfc6455.data.both-ways",
    "rfc6455.data.next-message",
    "rfc6455.fragments.control-between",
    "rfc6455.ping.answered",
    "rfc6455.pong.unsolicited",
    "rfc6455.close.answered",
    "rfc6455.close.handshake",
    "rfc6455.close.no-data-after",
)
@long
async def test_any_connection(websocket: WebSockets) -> None:
    """Whatever the two ends do, each gets just what the other has sent, in order, and the connection is closed in order."""
    await run_machine(websocket, Connection)
