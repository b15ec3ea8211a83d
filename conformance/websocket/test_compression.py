"""permessage-deflate: RFC 7692, where the server offers it."""

import zlib
from typing import TypeVar
from weakref import WeakKeyDictionary

import pytest

from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires, unsupported
from asgi_conformance.fixtures.conversation import BYTEWISE, Conversation, converse, judge_failure
from asgi_conformance.fixtures.deflate import (
    FAR_BACK,
    NAME,
    RSV1,
    TAIL,
    Agreement,
    Compressor,
    Inflater,
    agreement,
    compressed,
    compressed_frames,
    compressed_message,
    elements,
    noise,
    padding,
    server_messages,
)
from asgi_conformance.fixtures.delivery import WHOLE, Delivery
from asgi_conformance.fixtures.fleet import Fleet
from asgi_conformance.fixtures.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame
from asgi_conformance.fixtures.values import difference
from asgi_conformance.fixtures.websocket import Message, WebSockets, accept, close, connected

CLEAR_ONLY = True  # it is about bytes

PLAIN = b"permessage-deflate"
SERVER_TAKEOVER, CLIENT_TAKEOVER = "server_no_context_takeover", "client_no_context_takeover"
SERVER_BITS, CLIENT_BITS = "server_max_window_bits", "client_max_window_bits"
CUTS = [case("at-once", WHOLE), case("bytewise", BYTEWISE)]
T = TypeVar("T")

_supported: WeakKeyDictionary[Fleet, bool] = WeakKeyDictionary()


async def needs_compression(websocket: WebSockets) -> None:
    """End the check as ``unsupported`` where the server never accepts permessage-deflate; found out once."""
    if websocket.fleet not in _supported:
        talk = await converse(websocket, PLAIN)
        _supported[websocket.fleet] = agreement(talk.peer) is not None
        await talk.close()
    if not _supported[websocket.fleet]:
        unsupported("permessage-deflate")


async def offered(websocket: WebSockets, offer: bytes) -> tuple[Conversation, Agreement | None]:
    """Open a WebSocket with this offer, and return what comes of it; ``unsupported`` without the extension."""
    await needs_compression(websocket)
    talk = await converse(websocket, offer)
    return talk, agreement(talk.peer)


async def agree(websocket: WebSockets, offer: bytes = PLAIN) -> tuple[Conversation, Agreement]:
    """Open a WebSocket with this offer: ``unsupported`` without the extension, ``inapplicable`` if this is declined."""
    talk, agreed = await offered(websocket, offer)
    if agreed is None:
        inapplicable("the server declines this offer")
    return talk, agreed


async def sent(talk: Conversation, *messages: Message) -> list[tuple[int, bool, bytes]]:
    """Have the application send messages; return them as they are on the wire, when the client has them."""
    await talk.send(*messages)
    for message in messages:
        judge(await talk.peer.message(), message)
    return server_messages(talk.peer.frames)


async def arrived(talk: Conversation, count: int) -> list[tuple[int, bool, bytes]]:
    """Wait until so many messages have reached the client, readable or not, and return them as they are on the wire."""

    def whole() -> bool:
        found = [each for each in talk.peer.frames if not each.is_control]
        if talk.peer.over:
            raise Broken(talk.peer.outcome)
        return sum(each.fin for each in found) >= count

    await talk.stage.until(whole, f"{count} messages from the server")
    return server_messages(talk.peer.frames)


def judge(received: object, message: Message) -> None:
    """Compare a message with what was sent, and say in a line how they differ."""
    assert type(received) is type(message), f"a message of the type {type(received).__name__}"
    due = message.encode() if isinstance(message, str) else message
    there = received.encode() if isinstance(received, str) else received
    assert isinstance(there, bytes)
    assert difference(there, due) is None


# --- what is offered and what is answered -----------------------------------------------------------------------------


@requires("rfc7692.offer.optional")
async def test_offer(websocket: WebSockets) -> None:
    """Whether the server accepts permessage-deflate is recorded."""
    peer, _ = await websocket.open(extensions=PLAIN)
    found = agreement(peer)
    websocket.observe("declines it" if found is None else f"accepts it with {list(found.parameters)}")


@pytest.mark.parametrize(
    "parameters",
    [
        case("unknown", b"unknown", requires="rfc7692.offer.unknown-parameter"),
        case("unknown-with-value", b"unknown=10", requires="rfc7692.offer.unknown-parameter"),
        case(
            "unknown-beside-known", b"client_max_window_bits; mem_level=9", requires="rfc7692.offer.unknown-parameter"
        ),
        case("of-another-extension", b"no_context_takeover", requires="rfc7692.offer.unknown-parameter"),
        *(
            case(name, parameters, requires="rfc7692.offer.invalid-value")
            for name, parameters in {
                "server-bits-without-value": b"server_max_window_bits",
                "server-bits-seven": b"server_max_window_bits=7",
                "server-bits-sixteen": b"server_max_window_bits=16",
                "server-bits-leading-zero": b"server_max_window_bits=010",
                "server-bits-signed": b"server_max_window_bits=+10",
                "server-bits-word": b"server_max_window_bits=ten",
                "server-bits-huge": b"server_max_window_bits=4294967306",
                "client-bits-seven": b"client_max_window_bits=7",
                "client-bits-zero": b"client_max_window_bits=0",
                "client-bits-sixteen": b"client_max_window_bits=16",
                "client-bits-leading-zero": b"client_max_window_bits=09",
                "client-bits-fraction": b"client_max_window_bits=10.5",
                "client-bits-word": b"client_max_window_bits=true",
                "server-takeover-with-value": b"server_no_context_takeover=1",
                "client-takeover-with-value": b"client_no_context_takeover=true",
            }.items()
        ),
        *(
            case(name, parameters, requires="rfc7692.offer.duplicate-parameter")
            for name, parameters in {
                "server-takeover-twice": b"server_no_context_takeover; server_no_context_takeover",
                "client-takeover-twice": b"client_no_context_takeover; client_no_context_takeover",
                "server-bits-twice": b"server_max_window_bits=10; server_max_window_bits=10",
                "server-bits-two-values": b"server_max_window_bits=10; server_max_window_bits=12",
                "client-bits-twice": b"client_max_window_bits; client_max_window_bits",
                "client-bits-two-values": b"client_max_window_bits; client_max_window_bits=10",
            }.items()
        ),
    ],
)
@requires()
async def test_offer_that_has_to_be_declined(websocket: WebSockets, parameters: bytes) -> None:
    """An offer that is not valid is declined: the handshake is completed without the extension."""
    await needs_compression(websocket)
    peer, _ = await websocket.open(extensions=PLAIN + b"; " + parameters)
    assert [element for element in elements(peer) if element.name == NAME] == []


INVALID = PLAIN + b"; unknown"


async def declined(websocket: WebSockets, offer: bytes | None) -> Conversation:
    """Open a WebSocket with an offer that the server declines, be it that it declines all; else ``inapplicable``."""
    if websocket.fleet in _supported and not _supported[websocket.fleet] and offer == INVALID:
        offer = PLAIN
    peer = await websocket.handshake(extensions=offer)
    application = await peer.called_or_refused()
    if application is None:
        inapplicable("the server refuses a handshake with this offer, which is another requirement's business")
    await connected(application)
    await application.send(accept())
    await peer.accepted()
    if offer == INVALID and agreement(peer) is not None:
        inapplicable("the server accepts what it has to decline, which is another requirement's business")
    talk = Conversation(websocket, peer, application, returns=True)
    talk.listen()
    return talk


@pytest.mark.parametrize(
    "offer",
    [case("unknown-extension", b"permessage-unknown"), case("two-unknown", b"permessage-one, permessage-two; b=2")],
)
@requires("rfc7692.declined.no-element")
async def test_declining_names_nothing(websocket: WebSockets, offer: bytes) -> None:
    """Where the server declines what is offered, its response names no extension that compresses messages."""
    talk = await declined(websocket, offer)
    assert [element for element in elements(talk.peer) if element.name.startswith("permessage")] == []


@pytest.mark.parametrize("offer", [case("nothing-offered", None), case("declined", INVALID)])
@requires("rfc7692.declined.uncompressed")
async def test_without_the_extension_nothing_is_compressed(websocket: WebSockets, offer: bytes | None) -> None:
    """Where no compression is agreed on, messages pass uncompressed both ways."""
    talk = await declined(websocket, offer)
    message = "compressible " * 200
    talk.peer.send(message)
    assert await talk.received() == [message]
    assert await sent(talk, message) == [(TEXT, False, message.encode())]


@requires("rfc7692.response.name")
async def test_nothing_is_compressed_unless_the_response_says_so(websocket: WebSockets) -> None:
    """Where the server compresses messages, its response has the name of the extension."""
    talk = await converse(websocket, PLAIN)
    on_wire = await sent(talk, "compressible " * 200)
    if agreement(talk.peer) is None:
        assert [bit for _, bit, _ in on_wire] == [False]


@requires("rfc7692.offer.fallback")
async def test_second_offer_is_looked_at(websocket: WebSockets) -> None:
    """An offer that has to be declined does not keep the server from accepting the one after it."""
    await needs_compression(websocket)
    peer, _ = await websocket.open(extensions=INVALID + b", " + PLAIN)
    assert agreement(peer) is not None


@pytest.mark.parametrize(
    ("first", "parameter"),
    [
        case("server-takeover", b"server_no_context_takeover", SERVER_TAKEOVER),
        case("server-bits", b"server_max_window_bits=10", SERVER_BITS),
    ],
)
@requires("rfc7692.offer.preference")
async def test_first_of_two_offers_is_preferred(websocket: WebSockets, first: bytes, parameter: str) -> None:
    """Of two offers that the server accepts one at a time, it accepts the first."""
    _, alone = await agree(websocket, PLAIN + b"; " + first)
    assert alone.has(parameter)
    peer, _ = await websocket.open(extensions=PLAIN + b"; " + first + b", " + PLAIN)
    both = agreement(peer)
    assert both is not None
    assert both.has(parameter), "the response fits the second offer"


@pytest.mark.parametrize(
    "offer",
    [
        case("twice-the-same", PLAIN + b", " + PLAIN),
        case("two-configurations", PLAIN + b"; server_no_context_takeover, " + PLAIN + b"; server_max_window_bits=10"),
        case("three", PLAIN + b"; server_max_window_bits=15, " + PLAIN + b"; client_max_window_bits, " + PLAIN),
        case("invalid-first", INVALID + b", " + PLAIN + b", " + PLAIN),
    ],
)
@requires("rfc7692.offer.one-accepted")
async def test_one_offer_is_accepted(websocket: WebSockets, offer: bytes) -> None:
    """Of several offers of the extension one is accepted at most, since all of them use the same bit."""
    await needs_compression(websocket)
    peer, _ = await websocket.open(extensions=offer)
    assert len([element for element in elements(peer) if element.name == NAME]) <= 1


# Offers of every kind that a server may accept or decline.
OFFERS = [
    case("plain", PLAIN),
    case("server-takeover", PLAIN + b"; server_no_context_takeover"),
    case("client-takeover", PLAIN + b"; client_no_context_takeover"),
    case("no-takeover", PLAIN + b"; server_no_context_takeover; client_no_context_takeover"),
    case("client-bits", PLAIN + b"; client_max_window_bits"),
    *(case(f"server-bits-{bits}", PLAIN + b"; server_max_window_bits=%d" % bits) for bits in range(8, 16)),
    *(case(f"client-bits-{bits}", PLAIN + b"; client_max_window_bits=%d" % bits) for bits in range(8, 16)),
    case("both-bits-9", PLAIN + b"; server_max_window_bits=9; client_max_window_bits=9"),
    case("both-bits-15", PLAIN + b"; server_max_window_bits=15; client_max_window_bits=15"),
    case(
        "everything",
        PLAIN + b"; client_max_window_bits=10; server_no_context_takeover; server_max_window_bits=10; "
        b"client_no_context_takeover",
    ),
    case("white-space", PLAIN + b" ;server_max_window_bits=12 ;  client_max_window_bits"),
]


@pytest.mark.parametrize("offer", OFFERS)
@requires("rfc7692.response.parameters")
async def test_parameters_of_the_response(websocket: WebSockets, offer: bytes) -> None:
    """The response has only parameters that there are, each once, with a value that it may have."""
    _, agreed = await agree(websocket, offer)
    names = [name for name, _ in agreed.parameters]
    assert set(names) <= {SERVER_TAKEOVER, CLIENT_TAKEOVER, SERVER_BITS, CLIENT_BITS}
    assert len(set(names)) == len(names), f"a parameter twice: {names}"
    for name, value in agreed.parameters:
        if name in (SERVER_BITS, CLIENT_BITS):
            agreed.bits(name)
        else:
            assert value is None, f"{name} has the value {value!r}"


MESSAGES: tuple[Message, ...] = (
    "text",
    b"\0\xff binary",
    "tëxt €" * 300,
    "text",
    noise(3000),
    FAR_BACK,
    b"\0" * 70_000,
    FAR_BACK[:20_000],
)


@pytest.mark.parametrize("offer", OFFERS)
@requires("rfc7692.offer.unsupported")
async def test_what_is_accepted_is_kept(websocket: WebSockets, offer: bytes) -> None:
    """Whatever the server accepts, it keeps to: messages pass both ways as the response says."""
    talk, agreed = await agree(websocket, offer)
    compressor, inflater = Compressor(agreed), Inflater(agreed)
    for number, message in enumerate(MESSAGES, 1):
        content = message.encode() if isinstance(message, str) else message
        await talk.deliver(compressed_message(message, compressor.compress(content)))
        judge((await talk.received(number))[-1], message)
    await talk.send(*MESSAGES)
    for _ in MESSAGES:
        await talk.peer.message()
    judge_wire(talk, inflater, MESSAGES)


def judge_wire(talk: Conversation, inflater: Inflater, messages: tuple[Message, ...]) -> None:
    """Make sure that what is on the wire stands for these messages, with a window of just the size agreed on."""
    on_wire = server_messages(talk.peer.frames)
    assert len(on_wire) == len(messages)
    for (_, bit, payload), message in zip(on_wire, messages, strict=True):
        due = message.encode() if isinstance(message, str) else message
        assert difference(inflater.inflate(payload) if bit else payload, due) is None


@pytest.mark.parametrize("message", [case("text", "compressible " * 100), case("binary", b"compressible\0" * 100)])
@requires("rfc7692.agreed.used")
async def test_compressed_messages_pass_both_ways(websocket: WebSockets, message: Message) -> None:
    """Where compression is agreed on, compressed messages pass both ways."""
    talk, _ = await agree(websocket)
    await talk.deliver(compressed_message(message))
    assert await talk.received() == [message]
    await sent(talk, message)


# --- context takeover -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "offer",
    [
        case("alone", PLAIN + b"; server_no_context_takeover"),
        case("with-others", PLAIN + b"; client_max_window_bits; server_no_context_takeover"),
    ],
)
@requires("rfc7692.server-no-context-takeover.acknowledged")
async def test_server_takeover_is_acknowledged(websocket: WebSockets, offer: bytes) -> None:
    """An offer with server_no_context_takeover that is accepted is accepted with it."""
    _, agreed = await agree(websocket, offer)
    assert agreed.has(SERVER_TAKEOVER)


@requires("rfc7692.server-no-context-takeover.supported")
async def test_server_takeover_is_supported(websocket: WebSockets) -> None:
    """An offer with server_no_context_takeover is accepted."""
    await needs_compression(websocket)
    peer, _ = await websocket.open(extensions=PLAIN + b"; server_no_context_takeover")
    assert agreement(peer) is not None, "the offer is declined"


@pytest.mark.parametrize(
    ("parameter", "offer"),
    [
        case(
            "server",
            SERVER_TAKEOVER,
            PLAIN + b"; server_no_context_takeover",
            requires="rfc7692.server-no-context-takeover.no-value",
        ),
        case(
            "client",
            CLIENT_TAKEOVER,
            PLAIN + b"; client_no_context_takeover",
            requires="rfc7692.client-no-context-takeover.no-value",
        ),
    ],
)
@requires()
async def test_takeover_has_no_value(websocket: WebSockets, parameter: str, offer: bytes) -> None:
    """A parameter on context takeover has no value in the response."""
    _, agreed = await agree(websocket, offer)
    if not agreed.has(parameter):
        inapplicable("the response does not have the parameter")
    assert agreed.value(parameter) is None


@pytest.mark.parametrize(
    ("parameter", "offer"),
    [
        case("server-takeover", SERVER_TAKEOVER, PLAIN, requires="rfc7692.server-no-context-takeover.unasked"),
        case("client-takeover", CLIENT_TAKEOVER, PLAIN, requires="rfc7692.client-no-context-takeover.response"),
        case(
            "client-takeover-offered",
            CLIENT_TAKEOVER,
            PLAIN + b"; client_no_context_takeover",
            requires="rfc7692.client-no-context-takeover.response",
        ),
        case("server-bits", SERVER_BITS, PLAIN, requires="rfc7692.server-max-window-bits.unasked"),
        case(
            "client-bits-offered",
            CLIENT_BITS,
            PLAIN + b"; client_max_window_bits=10",
            requires="rfc7692.client-max-window-bits.hint",
        ),
        case(
            "client-bits-offered-without-value",
            CLIENT_BITS,
            PLAIN + b"; client_max_window_bits",
            requires="rfc7692.client-max-window-bits.hint",
        ),
    ],
)
@requires()
async def test_parameter_that_is_the_servers_choice(websocket: WebSockets, parameter: str, offer: bytes) -> None:
    """Whether the response has a parameter that the server need not give is recorded."""
    _, agreed = await agree(websocket, offer)
    value = agreed.value(parameter)
    said = parameter if value is None else f"{parameter}={value}"
    websocket.observe(said if agreed.has(parameter) else f"without {parameter}")


TAKEOVER_OFF = PLAIN + b"; server_no_context_takeover"


@requires("rfc7692.server-no-context-takeover.kept")
async def test_each_message_of_the_server_stands_alone(websocket: WebSockets) -> None:
    """With server_no_context_takeover each message of the server can be decompressed by itself."""
    talk, agreed = await agree(websocket, TAKEOVER_OFF)
    message = noise(400) + b"once more " * 40
    await talk.send(message, message, message)
    for _, bit, payload in await arrived(talk, 3):
        assert difference(Inflater(agreed).inflate(payload) if bit else payload, message) is None


@requires("rfc7692.server-context-takeover")
async def test_server_takes_its_window_over(websocket: WebSockets) -> None:
    """Whether the server's messages refer back to earlier ones is recorded; they can be decompressed in any case."""
    talk, _ = await agree(websocket)
    message = noise(400).hex()
    first, second = (await sent(talk, message, message))[:2]
    websocket.observe("takes it over" if len(second[2]) < len(first[2]) // 2 else "does not take it over")


def referring(agreed: Agreement, first: bytes, second: bytes) -> tuple[bytes, bytes]:
    """Return the payloads of two compressed messages, the second of which refers back to the first."""
    compressor = Compressor(agreed)
    payloads = compressor.compress(first), compressor.compress(second)
    assert len(payloads[1]) < len(second) // 2, "the suite's own example does not refer back"
    return payloads


@pytest.mark.parametrize(
    "offer",
    [
        case("plain", PLAIN, requires="rfc7692.client-context-takeover"),
        case("client-bits", PLAIN + b"; client_max_window_bits", requires="rfc7692.client-context-takeover"),
        case("hint", PLAIN + b"; client_no_context_takeover", requires="rfc7692.client-context-takeover.hint"),
    ],
)
@requires()
async def test_message_that_refers_to_an_earlier_one(websocket: WebSockets, offer: bytes) -> None:
    """Unless the response has client_no_context_takeover, a message may refer back to earlier ones."""
    talk, agreed = await agree(websocket, offer)
    if agreed.has(CLIENT_TAKEOVER):
        inapplicable("the response has client_no_context_takeover")
    content = noise(200)
    for payload in referring(agreed, content, content):
        await talk.deliver(compressed_frames(BINARY, payload))
    assert await talk.received(2) == [content, content]


@requires("rfc7692.client-context-takeover.uncompressed-between")
async def test_uncompressed_message_between_two_that_refer(websocket: WebSockets) -> None:
    """Uncompressed messages between two compressed ones do not affect what the second refers back to."""
    talk, agreed = await agree(websocket)
    if agreed.has(CLIENT_TAKEOVER):
        inapplicable("the response has client_no_context_takeover")
    content = noise(200)
    first, second = referring(agreed, content, content)
    await talk.deliver(compressed_frames(BINARY, first))
    talk.peer.send("uncompressed " * 40, [5])
    talk.peer.send(b"")
    await talk.deliver(compressed_frames(BINARY, second))
    assert await talk.received(4) == [content, "uncompressed " * 40, b"", content]


@requires("rfc7692.client-context-takeover.uncompressed-between")
async def test_messages_of_the_server_some_of_which_it_may_not_compress(websocket: WebSockets) -> None:
    """Messages that the server does not compress do not affect what the next compressed one refers back to."""
    talk, agreed = await agree(websocket)
    content = noise(300).hex()
    await sent(talk, content, "a", "", b"", noise(2000), content, "b", content)
    judge_wire(talk, Inflater(agreed), (content, "a", "", b"", noise(2000), content, "b", content))


# --- the size of the window -------------------------------------------------------------------------------------------

BITS = [case(f"{bits}", bits) for bits in range(8, 16)]


@pytest.mark.parametrize("bits", BITS)
@requires("rfc7692.server-max-window-bits.acknowledged")
async def test_server_bits_are_acknowledged(websocket: WebSockets, bits: int) -> None:
    """An offer with server_max_window_bits that is accepted is accepted with the same value, or a smaller one."""
    _, agreed = await agree(websocket, PLAIN + b"; server_max_window_bits=%d" % bits)
    assert agreed.has(SERVER_BITS), "the response does not have the parameter"
    assert agreed.bits(SERVER_BITS) <= bits


@pytest.mark.parametrize(
    ("parameter", "offer"),
    [
        *(
            case(
                f"server-{bits}",
                SERVER_BITS,
                PLAIN + b"; server_max_window_bits=%d" % bits,
                requires="rfc7692.server-max-window-bits.value",
            )
            for bits in range(8, 16)
        ),
        *(
            case(
                f"client-{bits}",
                CLIENT_BITS,
                PLAIN + b"; client_max_window_bits=%d" % bits,
                requires="rfc7692.client-max-window-bits.value",
            )
            for bits in range(8, 16)
        ),
        case(
            "client-without-value",
            CLIENT_BITS,
            PLAIN + b"; client_max_window_bits",
            requires="rfc7692.client-max-window-bits.value",
        ),
    ],
)
@requires()
async def test_value_of_window_bits(websocket: WebSockets, parameter: str, offer: bytes) -> None:
    """Window bits in the response are a number from 8 to 15, without leading zeroes."""
    _, agreed = await agree(websocket, offer)
    if not agreed.has(parameter):
        inapplicable("the response does not have the parameter")
    agreed.bits(parameter)


@pytest.mark.parametrize("bits", BITS)
@requires("rfc7692.server-max-window-bits.kept")
async def test_server_keeps_to_its_window(websocket: WebSockets, bits: int) -> None:
    """No message of the server refers back further than the window that was agreed on."""
    talk, agreed = await agree(websocket, PLAIN + b"; server_max_window_bits=%d" % bits)
    messages = (FAR_BACK, FAR_BACK[:5000], "text")
    await talk.send(*messages)
    await arrived(talk, 3)
    judge_wire(talk, Inflater(agreed), messages)


@pytest.mark.parametrize(
    "offer",
    [
        case("plain", PLAIN),
        case("server-bits", PLAIN + b"; server_max_window_bits=10"),
        case("takeover", PLAIN + b"; client_no_context_takeover; server_no_context_takeover"),
    ],
)
@requires("rfc7692.client-max-window-bits.unasked")
async def test_client_bits_are_not_imposed(websocket: WebSockets, offer: bytes) -> None:
    """The response has no client_max_window_bits where the offer had none."""
    _, agreed = await agree(websocket, offer)
    assert not agreed.has(CLIENT_BITS)


@pytest.mark.parametrize(
    "offer",
    [
        case("plain", PLAIN),
        case("hint-without-value", PLAIN + b"; client_max_window_bits"),
        case("small-hint", PLAIN + b"; client_max_window_bits=9"),
    ],
)
@requires("rfc7692.client-max-window-bits.full-window")
async def test_server_uses_a_full_window(websocket: WebSockets, offer: bytes) -> None:
    """Unless the response has client_max_window_bits, a message may refer back by 32768 bytes."""
    talk, agreed = await agree(websocket, offer)
    if agreed.has(CLIENT_BITS):
        inapplicable("the response has client_max_window_bits")
    content = noise(32_000) * 2
    payload = compressed(content, bits=15)
    assert len(payload) < 40_000, "the suite's own example does not refer back"
    await talk.deliver(compressed_frames(BINARY, payload))
    judge((await talk.received())[0], content)


@pytest.mark.parametrize("offer", [case("plain", PLAIN), case("client-bits", PLAIN + b"; client_max_window_bits")])
@requires("rfc7692.window.useful")
async def test_window_is_of_use(websocket: WebSockets, offer: bytes) -> None:
    """A window whose size the server chooses itself has 1024 bytes or more."""
    _, agreed = await agree(websocket, offer)
    assert agreed.bits(SERVER_BITS) >= 10
    assert agreed.bits(CLIENT_BITS) >= 10


# --- the bit ----------------------------------------------------------------------------------------------------------

HALVES = compressed(b"compressed " * 20)


@pytest.mark.parametrize(
    "data",
    [
        case("compressed", frame(TEXT, HALVES[:5], fin=False, rsv=RSV1) + frame(CONTINUATION, HALVES[5:], rsv=RSV1)),
        case("uncompressed", frame(TEXT, b"one", fin=False) + frame(CONTINUATION, b"two", rsv=RSV1)),
        case(
            "between",
            frame(TEXT, HALVES[:5], fin=False, rsv=RSV1)
            + frame(CONTINUATION, HALVES[5:9], fin=False, rsv=RSV1)
            + frame(CONTINUATION, HALVES[9:]),
        ),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc7692.rsv1.first-fragment-only.received")
async def test_bit_on_a_later_fragment(websocket: WebSockets, data: bytes, delivery: Delivery) -> None:
    """The bit on a fragment that is not the first makes the server end the connection; the message never arrives."""
    await needs_compression(websocket)
    await judge_failure(websocket, data, delivery, PLAIN)


@pytest.mark.parametrize(
    "data",
    [
        case("ping", frame(PING, b"ping", rsv=RSV1)),
        case("pong", frame(PONG, b"pong", rsv=RSV1)),
        case("compressed-ping", frame(PING, compressed(b"ping"), rsv=RSV1)),
        case("between-fragments", frame(TEXT, HALVES[:5], fin=False, rsv=RSV1) + frame(PING, rsv=RSV1)),
    ],
)
@requires("rfc7692.rsv1.control.received")
async def test_bit_on_a_control_frame(websocket: WebSockets, data: bytes) -> None:
    """The bit on a ping or a pong makes the server end the connection; the ping is not answered."""
    await needs_compression(websocket)
    talk = await judge_failure(websocket, data, extensions=PLAIN)
    assert [found for found in talk.peer.frames if found.opcode == PONG] == []


@requires("rfc7692.rsv1.control.received")
async def test_bit_on_a_close_frame(websocket: WebSockets) -> None:
    """The bit on a close frame makes the server end the connection, and its code is not the client's."""
    talk, _ = await agree(websocket)
    talk.peer.send_frame(CLOSE, close_payload(3456), rsv=RSV1)
    await talk.failed()
    assert talk.disconnect is None or talk.disconnect["code"] != 3456


@requires("rfc7692.rsv1.first-fragment-only.sent")
async def test_bit_of_the_server_is_on_first_frames_only(websocket: WebSockets) -> None:
    """No continuation frame of the server has the bit."""
    talk, _ = await agree(websocket)
    await talk.send(noise(300_000))
    await arrived(talk, 1)
    assert [found for found in talk.peer.frames if found.opcode == CONTINUATION and found.rsv[0]] == []


@requires("rfc7692.rsv1.control.sent")
async def test_bit_of_the_server_is_on_no_control_frame(websocket: WebSockets) -> None:
    """No pong and no close frame of the server has the bit."""
    talk, _ = await agree(websocket)
    await sent(talk, "compressible " * 50)
    talk.peer.send_frame(PING, b"ping")
    await talk.peer.frame_of(PONG)
    talk.application.start_send(close(code=1000, reason="a reason"))
    await talk.peer.frame_of(CLOSE)
    assert [found for found in talk.peer.frames if found.is_control and found.rsv[0]] == []


@requires("rfc7692.control.not-compressed")
async def test_control_frames_are_not_compressed(websocket: WebSockets) -> None:
    """Pings and close frames pass as they are, both ways, also between the fragments of a compressed message."""
    talk, _ = await agree(websocket)
    await talk.deliver(frame(TEXT, HALVES[:5], fin=False, rsv=RSV1))
    await talk.ping(b"not compressed, not compressed, not compressed")
    await talk.deliver(frame(CONTINUATION, HALVES[5:]))
    assert await talk.received() == ["compressed " * 20]
    await sent(talk, "compressible " * 50)
    talk.peer.close_with(4000, "a reason, a reason, a reason")
    answer = await talk.peer.closing()
    assert 4000 in (answer.code, (await talk.disconnected())["code"]), "neither end has the code of the close frame"


@requires("rfc7692.control.not-compressed")
async def test_close_frame_of_the_server_is_not_compressed(websocket: WebSockets) -> None:
    """The code and the reason with which the application closes are in the close frame as they are."""
    talk, _ = await agree(websocket)
    talk.application.start_send(close(code=4000, reason="a reason, a reason"))
    found = await talk.peer.closing()
    assert (found.code, found.reason) == (4000, "a reason, a reason")


# --- messages of the client -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes",
    [
        case("one-frame", []),
        case("two", [5]),
        case("first-empty", [0]),
        case("last-empty", [len(HALVES)]),
        case("empty-between", [3, 0, 0, 3]),
        case("single-bytes", [1] * (len(HALVES) - 1)),
    ],
)
@pytest.mark.parametrize("delivery", CUTS)
@requires("rfc7692.receive.compressed")
async def test_compressed_message_in_fragments(websocket: WebSockets, sizes: list[int], delivery: Delivery) -> None:
    """A compressed message arrives whole in one frame or in fragments, wherever they are cut."""
    talk, _ = await agree(websocket)
    await talk.deliver(compressed_frames(TEXT, HALVES, sizes), delivery)
    assert await talk.received() == ["compressed " * 20]


@requires("rfc7692.receive.compressed")
async def test_large_compressed_message(websocket: WebSockets) -> None:
    """A compressed message of hundreds of kilobytes arrives whole."""
    talk, _ = await agree(websocket)
    content = noise(100_000) + bytes(300_000)
    await talk.deliver(compressed_frames(BINARY, compressed(content), [1000, 50_000]))
    judge((await talk.received())[0], content)


@pytest.mark.parametrize("piece", [case("one-frame", 0), case("pieces-of-256-bytes", 256)])
@pytest.mark.parametrize("is_text", [case("text", True), case("binary", False)])
@pytest.mark.parametrize(
    "size",
    [
        case("16-bytes", 16),
        case("64-bytes", 64),
        case("1-kb", 1 << 10),
        case("8-kb", 8 << 10),
        case("32-kb", 32 << 10),
        case("128-kb", 128 << 10),
    ],
)
@requires("rfc7692.agreed.used")
async def test_messages_of_one_size_there_and_back(websocket: WebSockets, size: int, is_text: bool, piece: int) -> None:
    """Eight compressed messages of one size, each of which may refer to those before it, come, and come back."""
    talk, agreed = await agree(websocket)
    compressor = Compressor(agreed)
    source = noise(3 * size // 8).hex() + "and again, " * size
    messages: list[Message] = [source[at * size // 8 :][:size] for at in range(8)]
    if not is_text:
        messages = [message.encode() for message in messages if isinstance(message, str)]
    for number, message in enumerate(messages, 1):
        payload = compressor.compress(message.encode() if isinstance(message, str) else message)
        pieces = [piece] * ((len(payload) - 1) // piece) if piece else []
        await talk.deliver(compressed_message(message, payload, pieces))
        judge((await talk.received(number))[-1], message)
    await sent(talk, *messages)


@pytest.mark.parametrize("sizes", [case("one-frame", []), case("fragments", [3, 3])])
@pytest.mark.parametrize(
    "message", [case("text", "uncompressed"), case("binary", b"\0\xff uncompressed"), case("empty", "")]
)
@requires("rfc7692.receive.uncompressed")
async def test_uncompressed_message(websocket: WebSockets, message: Message, sizes: list[int]) -> None:
    """A message without the bit arrives as it is, also where compression is agreed on."""
    talk, _ = await agree(websocket)
    talk.peer.send(message, sizes)
    await talk.deliver(compressed_message("compressed"))
    assert await talk.received(2) == [message, "compressed"]


@pytest.mark.parametrize("message", [case("text", "of one type"), case("binary", b"of one type")])
@requires("rfc7692.opcode.kept")
async def test_type_of_a_compressed_message(websocket: WebSockets, message: Message) -> None:
    """A compressed message is text or binary as its opcode says, both ways."""
    talk, _ = await agree(websocket)
    await talk.deliver(compressed_message(message))
    assert await talk.received() == [message]
    on_wire = await sent(talk, message)
    assert on_wire[0][0] == (TEXT if isinstance(message, str) else BINARY)


@pytest.mark.parametrize(
    ("content", "sizes"),
    [
        case("no-start", b"text \x80", []),
        case("cut-off", b"text \xe2\x82", []),
        case("surrogate", b"\xed\xa0\x80 text" * 20, []),
        case("in-fragments", b"text \xff" * 20, [4, 4]),
        case("at-the-very-end", b"text " * 2000 + b"\xff", []),
    ],
)
@requires("rfc7692.utf8.after-decompression")
async def test_compressed_text_that_is_not_utf8(websocket: WebSockets, content: bytes, sizes: list[int]) -> None:
    """A compressed text message that is not UTF-8 makes the server end the connection, and never arrives."""
    await needs_compression(websocket)
    await judge_failure(websocket, compressed_frames(TEXT, compressed(content), sizes), extensions=PLAIN)


@requires("rfc7692.utf8.not-before")
async def test_compressed_bytes_need_not_be_utf8(websocket: WebSockets) -> None:
    """A compressed text message arrives though its compressed bytes are no UTF-8."""
    talk, _ = await agree(websocket)
    content = "tëxt €" * 40
    payload = compressed(content.encode())
    assert b"\xff" in payload or payload.decode("utf-8", "replace").encode() != payload
    await talk.deliver(compressed_frames(TEXT, payload, [1, 2, 3]))
    assert await talk.received() == [content]


# --- DEFLATE ----------------------------------------------------------------------------------------------------------


def in_blocks(*contents: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """Return a payload in which each content has blocks of its own."""
    encoder = zlib.compressobj(9, wbits=-9)
    return b"".join(encoder.compress(content) + encoder.flush(flush) for content in contents).removesuffix(TAIL)


def finished(content: bytes) -> bytes:
    """Return blocks of which the last one is final."""
    encoder = zlib.compressobj(9, wbits=-9)
    return encoder.compress(content) + encoder.flush(zlib.Z_FINISH)


EMPTY_BLOCK = b"\0"  # stored, not final, and without what is cut off at the end of a message
DYNAMIC = bytes(value for value in range(32, 127) for _ in range(value % 7)) * 3


@pytest.mark.parametrize(
    ("payload", "content"),
    [
        case("two", in_blocks(b"one ", b"two"), b"one two", requires="rfc7692.deflate.multiple-blocks"),
        case("many", in_blocks(*[b"block "] * 30), b"block " * 30, requires="rfc7692.deflate.multiple-blocks"),
        case(
            "empty-between",
            in_blocks(b"one ", b"", b"", b"two"),
            b"one two",
            requires="rfc7692.deflate.multiple-blocks",
        ),
        case("empty-first", b"\0\0\0\xff\xff" + compressed(b"one"), b"one", requires="rfc7692.deflate.multiple-blocks"),
        case(
            "fully-flushed",
            in_blocks(b"one ", b"one ", flush=zlib.Z_FULL_FLUSH),
            b"one one ",
            requires="rfc7692.deflate.multiple-blocks",
        ),
        case("stored", compressed(b"stored" * 9, level=0), b"stored" * 9, requires="rfc7692.deflate.block-types"),
        case(
            "stored-and-long",
            compressed(noise(70_000), level=0),
            noise(70_000),
            requires="rfc7692.deflate.block-types",
        ),
        case(
            "fixed-codes",
            compressed(b"fixed" * 9, strategy=zlib.Z_FIXED),
            b"fixed" * 9,
            requires="rfc7692.deflate.block-types",
        ),
        case("dynamic-codes", compressed(DYNAMIC), DYNAMIC, requires="rfc7692.deflate.block-types"),
        case(
            "literals-only",
            compressed(DYNAMIC, strategy=zlib.Z_HUFFMAN_ONLY),
            DYNAMIC,
            requires="rfc7692.deflate.block-types",
        ),
        case("final", finished(b"final") + EMPTY_BLOCK, b"final", requires="rfc7692.deflate.final-blocks"),
        case(
            "final-and-another",
            finished(b"final, ") + compressed(b"goes on"),
            b"final, goes on",
            requires="rfc7692.deflate.final-blocks",
        ),
        case(
            "several-final",
            finished(b"one, ") + finished(b"two, ") + finished(b"three") + EMPTY_BLOCK,
            b"one, two, three",
            requires="rfc7692.deflate.final-blocks",
        ),
    ],
)
@requires()
async def test_blocks_of_a_message(websocket: WebSockets, payload: bytes, content: bytes) -> None:
    """A message arrives whole of whatever DEFLATE blocks it consists."""
    talk, _ = await agree(websocket)
    await talk.deliver(compressed_frames(BINARY, payload))
    judge((await talk.received())[0], content)


@requires("rfc7692.deflate.final-blocks")
async def test_message_after_one_with_a_final_block(websocket: WebSockets) -> None:
    """A message arrives also after one in which a final block was."""
    talk, _ = await agree(websocket)
    await talk.deliver(compressed_frames(BINARY, finished(b"final") + EMPTY_BLOCK))
    await talk.deliver(compressed_message("the next"))
    await talk.deliver(compressed_message("and the one after it"))
    assert await talk.received(3) == [b"final", "the next", "and the one after it"]


@requires("rfc7692.deflate.tail.received")
async def test_end_of_a_message_is_there(websocket: WebSockets) -> None:
    """The whole of a message is there as soon as its last frame has come, whatever its length."""
    talk, _ = await agree(websocket)
    contents = [noise(size) for size in (1, 2, 3, 4, 5, 7, 31, 100, 1000)] + [b"a" * size for size in (1, 9, 300, 5000)]
    for number, content in enumerate(contents, 1):
        await talk.deliver(compressed_frames(BINARY, compressed(content)))
        assert difference((await talk.received(number))[-1], content) is None


NO_CONTENT = [
    case("empty-block", compressed_frames(TEXT, EMPTY_BLOCK), ""),
    case("fixed-codes", compressed_frames(TEXT, b"\x02\0"), ""),
    case("binary", compressed_frames(BINARY, EMPTY_BLOCK), b""),
    case(
        "last-fragment",
        compressed_frames(TEXT, compressed(b"all") + TAIL + EMPTY_BLOCK, [len(compressed(b"all")) + 4]),
        "all",
    ),
    case(
        "last-fragment-without-a-block", compressed_frames(TEXT, compressed(b"all"), [len(compressed(b"all"))]), "all"
    ),
]


@pytest.mark.parametrize(("data", "message"), NO_CONTENT)
@requires("rfc7692.empty.received")
async def test_nothing_compressed(websocket: WebSockets, data: bytes, message: Message) -> None:
    """A compressed message, or its last fragment, that holds nothing adds nothing: the application gets what there is."""
    talk, _ = await agree(websocket)
    await talk.deliver(data)
    await talk.deliver(compressed_message("the next"))
    assert await talk.received(2) == [message, "the next"]


# --- messages of the server -------------------------------------------------------------------------------------------

KINDS: list[tuple[str, Message]] = [
    ("short", "a"),
    ("compressible", "compressible " * 100),
    ("incompressible", noise(2000)),
    ("like-the-tail", b"\0\0\xff\xff" * 3),
    ("long", bytes(100_000)),
    ("utf-8", "tëxt €" * 30),
]


@requires("rfc7692.send.choice")
async def test_which_messages_are_compressed(websocket: WebSockets) -> None:
    """Which messages the server compresses is recorded."""
    talk, _ = await agree(websocket)
    on_wire = await sent(talk, *(message for _, message in KINDS))
    chosen = [name for (name, _), (_, bit, _) in zip(KINDS, on_wire, strict=True) if bit]
    websocket.observe("compresses " + (", ".join(chosen) or "nothing"))


@pytest.mark.parametrize("message", [case(name, message) for name, message in KINDS])
@requires("rfc7692.send.bit")
async def test_bit_tells_the_truth(websocket: WebSockets, message: Message) -> None:
    """A message of the server with the bit can be decompressed, and one without it is as the application gave it."""
    talk, agreed = await agree(websocket)
    await talk.send(message)
    await arrived(talk, 1)
    judge_wire(talk, Inflater(agreed), (message,))


@pytest.mark.parametrize("message", [case(name, message) for name, message in KINDS])
@requires("rfc7692.deflate.tail.sent")
async def test_tail_is_removed(websocket: WebSockets, message: Message) -> None:
    """The payload of a compressed message does not end with the octets that the receiver appends."""
    talk, _ = await agree(websocket)
    for _, bit, payload in await sent(talk, message, message):
        assert not (bit and payload.endswith(TAIL))


@requires("rfc7692.deflate.window")
async def test_long_message_can_be_decompressed(websocket: WebSockets) -> None:
    """A decompressor with a window of 32768 bytes can decompress every message of the server, long ones too."""
    talk, agreed = await agree(websocket)
    messages = (noise(40_000) * 2, FAR_BACK, noise(40_000))
    await talk.send(*messages)
    await arrived(talk, 3)
    judge_wire(talk, Inflater(agreed), messages)


@requires("rfc7692.deflate.final-blocks.padding")
async def test_final_blocks_of_the_server_are_padded(websocket: WebSockets) -> None:
    """Where the server uses final blocks, the bits between their end and the end of the byte are 0."""
    talk, _ = await agree(websocket, TAKEOVER_OFF)
    messages: list[str | bytes] = ["short", "a text of some length", "abcdefgh" * 10, b"binary"]
    await talk.send(*messages)
    await arrived(talk, 4)
    for _, bit, payload in server_messages(talk.peer.frames):
        assert not (bit and any(padding(payload))), "the padding is not 0"


@pytest.mark.parametrize("message", [case("text", ""), case("binary", b"")])
@requires("rfc7692.empty.sent")
async def test_empty_message_of_the_server(websocket: WebSockets, message: Message) -> None:
    """An empty message of the application arrives as one, and what follows it arrives too."""
    talk, agreed = await agree(websocket)
    await sent(talk, "before", message, message, "after")
    judge_wire(talk, Inflater(agreed), ("before", message, message, "after"))
