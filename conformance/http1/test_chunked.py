"""Requests whose body is chunked: RFC 9112, section 7.1."""

import dataclasses

import pytest

from asgi_conformance.conformance.http1.test_content_length import with_fields
from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import Broken, case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import FOLLOWED, Delivery
from asgi_conformance.fixtures.hostile import Trap, header_values, hear, holds, send


def chunked(body: bytes, fields: bytes = b"") -> bytes:
    """A request whose body consists of these octets, chunks or not."""
    return with_fields(b"Transfer-Encoding: chunked\r\n" + fields, body)


# --- decoding ---------------------------------------------------------------------------------------------------------

EVERY_OCTET = bytes(range(256))


@pytest.mark.parametrize(
    ("chunks", "content"),
    [
        case("none", b"0\r\n\r\n", b""),
        case("one", b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        case("several", b"2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n0\r\n\r\n", b"hello"),
        case("one-octet-each", b"1\r\nh\r\n1\r\ni\r\n1\r\n!\r\n0\r\n\r\n", b"hi!"),
        case("line-ends-as-data", b"4\r\n\r\n\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n", b"\r\n" * 3),
        case("chunks-as-data", b"f\r\n5\r\nhello\r\n0\r\n\r\n\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        case("every-octet", b"100\r\n" + EVERY_OCTET + b"\r\n0\r\n\r\n", EVERY_OCTET),
        case("large", b"11170\r\n" + b"hello, " * 10_000 + b"\r\n0\r\n\r\n", b"hello, " * 10_000),
        case("many", b"3\r\nabc\r\n" * 500 + b"0\r\n\r\n", b"abc" * 500),
    ],
)
@requires("rfc9112.chunked.decoded")
async def test_chunks_are_decoded(http: Http, delivery: Delivery, chunks: bytes, content: bytes) -> None:
    """The application gets the content of a chunked body, no more and no less, however it is cut and delivered."""
    assert await (await send(http, chunked(chunks), delivery)).body(or_closed=False) == content


@pytest.mark.parametrize(
    ("size", "length"),
    [
        case("lower", b"1a", 26),
        case("upper", b"1A", 26),
        case("letter", b"c", 12),
        case("upper-letter", b"C", 12),
        case("mixed", b"aB", 171),
        case("leading-zero", b"0c", 12),
        case("leading-zeros", b"0000000c", 12),
    ],
)
@requires("rfc9112.chunked.size-hex")
async def test_chunk_size_is_hexadecimal(http: Http, delivery: Delivery, size: bytes, length: int) -> None:
    """The size of a chunk is read as hex digits of either case, leading zeros or not."""
    chunks = size + b"\r\n" + b"x" * length + b"\r\n0\r\n\r\n"
    assert await (await send(http, chunked(chunks), delivery)).body(or_closed=False) == b"x" * length


@pytest.mark.parametrize(
    "size",
    [
        case("beyond-31-bits", 2**31 + 5),
        case("beyond-32-bits", 2**32 + 5),
        case("beyond-63-bits", 2**63 + 5),
        case("beyond-64-bits", 2**64 + 5),
        case("beyond-128-bits", 2**128 + 5),
        case("beyond-512-bits", 2**512 + 5),
    ],
)
@requires("rfc9112.chunked.size-overflow")
async def test_very_large_chunk_size(http: Http, delivery: Delivery, size: int) -> None:
    """A chunk size beyond what an integer holds is not taken for a smaller one, at which a further chunk begins."""
    chunks = b"%x\r\nhello\r\n0\r\n\r\n" % size
    await (await send(http, chunked(chunks + Trap(http).request), delivery)).never_whole()


# --- the end ----------------------------------------------------------------------------------------------------------


async def ends_before_the_next(http: Http, message: bytes, delivery: Delivery, content: bytes) -> None:
    """Make sure that a message has this content, and that the request behind it is processed, or the connection closed."""
    sent = await send(http, message, dataclasses.replace(delivery, followed=True))
    assert await sent.body(or_closed=False) == content
    assert sent.follower is not None
    if sent.follower.applications:
        scope = sent.follower.applications[0].scope
        assert (scope["method"], scope["path"]) == ("GET", "/follower")
    elif sent.follower.arrived is not None or sent.follower.refused is not None:
        raise Broken(f"the request behind the body did not reach the application: {sent.follower.outcome}")


@pytest.mark.parametrize(
    "last",
    [
        case("zero", b"0\r\n\r\n"),
        case("zeros", b"000\r\n\r\n"),
        case("one-trailer", b"0\r\nX-Trailer: value\r\n\r\n"),
        case("several-trailers", b"0\r\nX-Trailer: value\r\nX-Other: \r\nx-trailer:again\r\n\r\n"),
        case("long-trailer", b"0\r\nX-Trailer: " + b"value " * 400 + b"\r\n\r\n"),
    ],
)
@requires("rfc9112.chunked.complete")
async def test_end_of_the_chunks(http: Http, delivery: Delivery, last: bytes) -> None:
    """A chunked body ends with a chunk of size zero, the trailers, and an empty line; there the next request begins."""
    await ends_before_the_next(http, chunked(b"5\r\nhello\r\n" + last), delivery, b"hello")


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        case("alone", b"", b""),
        case("behind-a-line-end", b"\r\n", b""),
        case("behind-a-last-chunk", b"0\r\n\r\n", b""),
        case("before-a-last-chunk", b"", b"0\r\n\r\n"),
    ],
)
@requires("rfc9112.chunked.delimits")
async def test_request_in_a_chunk(http: Http, delivery: Delivery, before: bytes, behind: bytes) -> None:
    """What looks like a request in a chunk's data is data; what follows the end of the chunks is the next request."""
    content = before + Trap(http).request + behind
    message = chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
    await ends_before_the_next(http, message, delivery, content)


# --- extensions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last"),
    [
        case("name", b";probe", b""),
        case("value", b";probe=value", b""),
        case("quoted-value", b';probe="a value"', b""),
        case("empty-quoted-value", b';probe=""', b""),
        case("separators-quoted", b';probe="a;b=c,d"', b""),
        case("quote-escaped", b';probe="a\\"b"', b""),
        case("backslash-escaped", b';probe="a\\\\"', b""),
        case("several", b';one;two=2;three="3"', b""),
        case("digits", b";0=1", b""),
        case("odd-name", b";!#$%&'*+-.^_`|~=a", b""),
        case("long", b";probe=" + b"value" * 40, b""),
        case("on-the-last-chunk", b"", b";probe=value"),
        case("on-both", b';one="1"', b";two"),
    ],
)
@requires("rfc9112.chunked.extensions-ignored")
async def test_extension_is_ignored(http: Http, delivery: Delivery, first: bytes, last: bytes) -> None:
    """A chunk extension changes nothing: the application gets the content as if it were not there."""
    chunks = b"5" + first + b"\r\nhello\r\n0" + last + b"\r\n\r\n"
    assert await (await send(http, chunked(chunks), delivery)).body(or_closed=False) == b"hello"


@pytest.mark.parametrize(
    "extension",
    [
        case("before-semicolon", b" ;probe"),
        case("behind-semicolon", b"; probe"),
        case("before-equals", b";probe =value"),
        case("behind-equals", b";probe= value"),
        case("everywhere", b' ; probe = value ; more = "quoted"'),
        case("tabs", b"\t;\tprobe\t=\tvalue"),
        case("several-spaces", b"  \t ;  probe"),
    ],
)
@requires("rfc9110.whitespace.bws")
async def test_bad_whitespace_in_an_extension(http: Http, delivery: Delivery, extension: bytes) -> None:
    """Whitespace around the semicolon and the equals sign of a chunk extension is removed, and the request processed."""
    chunks = b"5" + extension + b"\r\nhello\r\n0\r\n\r\n"
    assert await (await send(http, chunked(chunks), delivery)).body(or_closed=False) == b"hello"


@pytest.mark.parametrize("length", [case("kilobytes", 8 << 10), case("more-kilobytes", 128 << 10)])
@requires("rfc9112.chunked.extensions-limited")
async def test_reaction_to_a_long_extension(http: Http, length: int) -> None:
    """A very long chunk extension is ignored, or the request refused."""
    sent = await send(http, chunked(b"5;probe=" + b"x" * length + b"\r\nhello\r\n0\r\n\r\n"))
    body = await sent.body()
    http.observe(f"refused: {sent.exchange.outcome}" if body is None else f"ignored, {length} bytes of it")


# --- trailers ---------------------------------------------------------------------------------------------------------

NONCE = b"from-the-trailer"


@pytest.mark.parametrize(
    "trailer",
    [
        case("unknown", b"X-Probe-Trailer: " + NONCE),
        case("host", b"Host: %b.example" % NONCE),
        case("authorization", b"Authorization: Basic " + NONCE),
        case("cookie", b"Cookie: session=" + NONCE),
        case("forwarded", b"X-Forwarded-For: " + NONCE),
        case("te", b"TE: " + NONCE),
    ],
)
@requires("rfc9112.chunked.trailers-not-merged", "rfc9110.trailers.not-merged")
async def test_trailer_is_no_header(http: Http, delivery: Delivery, trailer: bytes) -> None:
    """A field of the trailer section is not among the headers of the request, nor is it when the body has been received."""
    sent = await send(http, chunked(b"5\r\nhello\r\n0\r\n%b\r\n\r\n" % trailer), delivery)
    exchange = sent.exchange
    await exchange.stage.until(
        lambda: exchange.applications or exchange.over, "a call of the application, or a refusal"
    )
    for application in exchange.applications:
        heard = await hear(http, application)
        if heard.whole:
            headers = await application.look(["headers"])  # to which a server may have added by now
            assert not holds(headers, NONCE), f"the headers in the scope have become {headers!r}"
            await application.conclude(response_start(204), response_body())
        assert not holds(application.scope, NONCE), f"the scope has {application.scope['headers']!r}"
    await sent.afterwards()


@pytest.mark.parametrize(
    "trailer",
    [
        case("content-length", b"Content-Length: 0"),
        case("longer-content-length", b"Content-Length: 1000"),
        case("transfer-encoding", b"Transfer-Encoding: chunked"),
        case("host", b"Host: elsewhere.example"),
        case("upgrade", b"Connection: upgrade\r\nUpgrade: websocket"),
    ],
)
@requires("rfc9112.chunked.trailers-not-merged", "rfc9110.trailers.not-merged")
async def test_trailer_has_no_effect(http: Http, trailer: bytes) -> None:
    """A trailer that would frame or route a message has no effect, neither on its own nor on the next request."""
    sent = await send(http, chunked(b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n"), FOLLOWED)
    assert await sent.body() in (None, b"hello")
    assert sent.follower is not None
    if not sent.follower.applications:
        return
    name = trailer.partition(b":")[0].lower()
    application = sent.follower.applications[0]
    assert application.scope["path"] == "/follower"
    others = [sent.follower.authority] if name == b"host" else []
    assert header_values(application, name) == others


# --- malformed chunks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chunks",
    [
        case("size-empty", b"\r\nhello\r\n0\r\n\r\n"),
        case("size-missing", b";probe\r\nhello\r\n0\r\n\r\n"),
        case("size-no-digit", b"g\r\nhello\r\n0\r\n\r\n"),
        case("size-with-a-letter-behind", b"5g\r\nhello\r\n0\r\n\r\n"),
        case("size-with-prefix", b"0x5\r\nhello\r\n0\r\n\r\n"),
        case("size-with-plus", b"+5\r\nhello\r\n0\r\n\r\n"),
        case("size-with-minus", b"-5\r\nhello\r\n0\r\n\r\n"),
        case("size-with-underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
        case("size-with-space-before", b" 5\r\nhello\r\n0\r\n\r\n"),
        case("size-with-space-within", b"0 5\r\nhello\r\n0\r\n\r\n"),
        case("size-with-comma", b"5,5\r\nhello\r\n0\r\n\r\n"),
        case("size-quoted", b'"5"\r\nhello\r\n0\r\n\r\n'),
        case("size-with-null", b"5\0\r\nhello\r\n0\r\n\r\n"),
        case("size-with-vertical-tab", b"5\x0b\r\nhello\r\n0\r\n\r\n"),
        case("line-feed-behind-the-size", b"5\nhello\r\n0\r\n\r\n"),
        case("carriage-return-behind-the-size", b"5\rhello\r\n0\r\n\r\n"),
        case("data-too-long", b"5\r\nhello!\r\n0\r\n\r\n"),
        case("data-too-short", b"5\r\nhell\r\n0\r\n\r\n"),
        case("data-without-line-end", b"5\r\nhello0\r\n\r\n"),
        case("other-octets-for-the-line-end", b"5\r\nhelloXX0\r\n\r\n"),
        case("line-feed-behind-the-data", b"5\r\nhello\n0\r\n\r\n"),
        case("carriage-return-behind-the-data", b"5\r\nhello\r0\r\n\r\n"),
        case("line-feed-for-line-end-of-the-last-chunk", b"5\r\nhello\r\n0\n\r\n"),
        case("extension-without-name", b"5;\r\nhello\r\n0\r\n\r\n"),
        case("extension-with-value-only", b"5;=value\r\nhello\r\n0\r\n\r\n"),
        case("extension-without-semicolon", b"5 probe\r\nhello\r\n0\r\n\r\n"),
        case("extension-with-space-in-value", b"5;probe=a b\r\nhello\r\n0\r\n\r\n"),
        case("extension-with-open-quote", b'5;probe="a\r\nhello\r\n0\r\n\r\n'),
        case("extension-with-text-behind-quotes", b'5;probe="a"b\r\nhello\r\n0\r\n\r\n'),
        case("extension-with-carriage-return", b"5;probe=a\rb\r\nhello\r\n0\r\n\r\n"),
        case("extension-with-line-feed", b"5;probe=a\nb\r\nhello\r\n0\r\n\r\n"),
        case("extension-ended-by-line-feed", b"5;probe\nhello\r\n0\r\n\r\n"),
        case("extension-with-quoted-line-end", b'5;probe="a\r\nb"\r\nhello\r\n0\r\n\r\n'),
        case("extension-with-null", b"5;probe=a\0b\r\nhello\r\n0\r\n\r\n"),
        case("extension-of-the-last-chunk", b"5\r\nhello\r\n0;=value\r\n\r\n"),
        case("trailer-without-colon", b"5\r\nhello\r\n0\r\nX-Trailer\r\n\r\n"),
        case("trailer-without-name", b"5\r\nhello\r\n0\r\n: value\r\n\r\n"),
        case("trailer-with-space-in-name", b"5\r\nhello\r\n0\r\nX Trailer: value\r\n\r\n"),
        case("trailer-with-null", b"5\r\nhello\r\n0\r\nX-Trailer: a\0b\r\n\r\n"),
        case("trailer-like-a-request", b"5\r\nhello\r\n0\r\nGET /trailer HTTP/1.1\r\n\r\n"),
    ],
)
@requires("rfc9112.chunked.malformed")
async def test_malformed_chunks_are_answered_400(http: Http, chunks: bytes) -> None:
    """A request whose chunks are malformed is answered with 400, and the connection closed: nothing behind is processed."""
    await (await send(http, chunked(chunks + Trap(http).request), FOLLOWED)).found_malformed(400)
