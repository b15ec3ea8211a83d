"""Field lines of a request's head: RFC 9110, sections 5 and 5.6.1, RFC 9112, sections 2.2 and 5."""

import re

import pytest

from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.delivery import Delivery
from asgi_conformance.fixtures.hostile import CLIENT_ERRORS, Trap, header_values, holds, send

ANY_REFUSAL = range(300, 600)


def request(*lines: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    """Return a request with these field lines after its Host."""
    return b"\r\n".join([b"%b / HTTP/1.1" % method, b"Host: {host}", *lines, b"", body])


# --- fields that the server itself acts on ----------------------------------------------------------------------------

CASE, SPACE = "rfc9112.fields.names-case-insensitive", "rfc9110.fields.value-whitespace"


@pytest.mark.parametrize(
    "line",
    [
        case("name-in-mixed-case", b"hOsT: {host}", requires=CASE),
        case("white-space", b"Host: \t {host} \t ", requires=SPACE),
    ],
)
@requires()
async def test_host_is_recognised(http: Http, delivery: Delivery, line: bytes) -> None:
    """Host is recognised whatever the case of its name and the white space around its value."""
    sent = await send(http, b"GET / HTTP/1.1\r\n%b\r\n\r\n" % line, delivery)
    assert header_values(await sent.called(), b"host") == [sent.exchange.authority]


@pytest.mark.parametrize(
    "line",
    [
        case("name-in-mixed-case", b"cOnTeNt-LeNgTh: 4", requires=CASE),
        case("name-in-upper-case", b"CONTENT-LENGTH: 4", requires=CASE),
        case("white-space", b"Content-Length: \t 4 \t ", requires=SPACE),
    ],
)
@requires()
async def test_content_length_is_recognised(http: Http, delivery: Delivery, line: bytes) -> None:
    """Content-Length is recognised whatever the case of its name and the white space around its value."""
    sent = await send(http, request(line, method=b"POST", body=b"body"), delivery)
    assert await sent.body() == b"body"


@pytest.mark.parametrize(
    "line",
    [
        case("name-in-mixed-case", b"tRaNsFeR-eNcOdInG: chunked", requires=CASE),
        case("name-in-upper-case", b"TRANSFER-ENCODING: chunked", requires=CASE),
        case("white-space", b"Transfer-Encoding: \t chunked \t ", requires=SPACE),
    ],
)
@requires()
async def test_transfer_encoding_is_recognised(http: Http, delivery: Delivery, line: bytes) -> None:
    """Transfer-Encoding is recognised whatever the case of its name and the white space around its value."""
    sent = await send(http, request(line, method=b"POST", body=b"4\r\nbody\r\n0\r\n\r\n"), delivery)
    assert await sent.body() == b"body"


@pytest.mark.parametrize(
    "lines",
    [
        case("name-in-mixed-case", [b"cOnNeCtIoN: close"], requires=CASE),
        case("white-space", [b"Connection: \t close \t "], requires=SPACE),
        case(
            "in-the-first-line",
            [b"Connection: close", b"Connection: x-option"],
            requires="rfc9110.fields.combined",
        ),
        case(
            "in-the-last-line",
            [b"Connection: x-option", b"X-Value: a", b"Connection: close"],
            requires="rfc9110.fields.combined",
        ),
        case("empty-element-before", [b"Connection: , close"], requires="rfc9110.lists.empty-elements"),
        case("empty-element-behind", [b"Connection: close,"], requires="rfc9110.lists.empty-elements"),
        case("two-empty-elements", [b"Connection: x-option,, ,close"], requires="rfc9110.lists.empty-elements"),
    ],
)
@requires()
async def test_close_option_is_recognised(http: Http, lines: list[bytes]) -> None:
    """The close option is recognised however the Connection field is written, and over however many lines."""
    sent = await send(http, request(*lines))
    await sent.called()
    await sent.exchange.connection.until_closed()


@pytest.mark.parametrize(
    "line",
    [
        case("name-in-mixed-case", b"eXpEcT: 100-continue", requires=CASE),
        case("white-space", b"Expect: \t 100-continue \t ", requires=SPACE),
    ],
)
@requires()
async def test_expect_is_recognised(http: Http, line: bytes) -> None:
    """Expect is recognised whatever the case of its name and the white space around its value."""
    exchange = (await http.connect()).by_hand(request(b"Content-Length: 4", line, method=b"POST"))
    await exchange.stage.until(
        lambda: exchange.applications or exchange.informational or exchange.over, "a call of the application, or 100"
    )
    if not exchange.informational:
        application = await exchange.called()
        step = application.start_receive()
        await exchange.stage.until(lambda: exchange.informational or step.done or exchange.over, "100")
        exchange.connection.write(b"body")
        await step.value()
    else:
        exchange.connection.write(b"body")
        application = await exchange.called()
    await application.respond()
    await exchange.response()
    await application.finish()
    assert [response.status for response in exchange.informational] == [100]


# --- white space ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        case("space", request(b"X-Value : a")),
        case("tab", request(b"X-Value\t: a")),
        case("several", request(b"X-Value \t : a")),
        case("before-no-value", request(b"X-Value :")),
        case("in-host", b"GET / HTTP/1.1\r\nHost : {host}\r\n\r\n"),
        case("in-connection", request(b"Connection : close")),
        case("in-content-length", request(b"Content-Length : 0", method=b"POST")),
        case("in-transfer-encoding", request(b"Transfer-Encoding : chunked", method=b"POST", body=b"0\r\n\r\n")),
    ],
)
@requires("rfc9112.fields.space-before-colon")
async def test_white_space_before_the_colon_is_refused(http: Http, delivery: Delivery, message: bytes) -> None:
    """A request with white space between a field's name and the colon is answered with 400."""
    await (await send(http, message, delivery)).refused((400,))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        case("none", b"X-Spaced:a", b"a"),
        case("one-space-before", b"X-Spaced: a", b"a"),
        case("spaces-before", b"X-Spaced:    a", b"a"),
        case("tab-before", b"X-Spaced:\ta", b"a"),
        case("space-behind", b"X-Spaced: a ", b"a"),
        case("tabs-behind", b"X-Spaced: a\t\t", b"a"),
        case("mixed", b"X-Spaced: \t a \t ", b"a"),
        case("spaces-only", b"X-Spaced:   ", b""),
        case("tab-only", b"X-Spaced:\t", b""),
        case("nothing", b"X-Spaced:", b""),
        case("within", b"X-Spaced: a  b\t \tc", b"a  b\t \tc"),
    ],
)
@requires("rfc9112.fields.space-around-value")
async def test_white_space_around_a_value(http: Http, delivery: Delivery, line: bytes, value: bytes) -> None:
    """The application gets a value without the white space around it, and with that within it."""
    application = await (await send(http, request(line), delivery)).called()
    assert header_values(application, b"x-spaced") == [value]


@pytest.mark.parametrize(
    "message",
    [
        case("space", b"GET / HTTP/1.1\r\n Injected: a\r\nHost: {host}\r\n\r\n"),
        case("tab", b"GET / HTTP/1.1\r\n\tInjected: a\r\nHost: {host}\r\n\r\n"),
        case("several-lines", b"GET / HTTP/1.1\r\n Injected: a\r\n \tInjected: b\r\nHost: {host}\r\n\r\n"),
        case("nothing-else-in-the-line", b"GET / HTTP/1.0\r\n \r\nHost: {host}\r\n\r\n"),
    ],
)
@requires("rfc9112.fields.space-before-first")
async def test_white_space_before_the_first_field(http: Http, delivery: Delivery, message: bytes) -> None:
    """A line that begins with white space before the first field is left out, or the request is refused."""
    sent = await send(http, message, delivery)
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    if application is not None:
        assert header_values(application, b"host") == [sent.exchange.authority]
        assert not holds(application.scope, b"njected")


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        case("space", [b"X-Value: a", b" b"], rb"a[ \t]* [ \t]*b"),
        case("tab", [b"X-Value: a", b"\tb"], rb"a[ \t]* [ \t]*b"),
        case("several", [b"X-Value: a", b" b", b" \t c"], rb"a[ \t]* [ \t]*b[ \t]* [ \t]*c"),
        case("before-the-value", [b"X-Value:", b" a"], rb"a"),
        case("like-a-field", [b"X-Value: a", b" Injected: b"], rb"a[ \t]* [ \t]*Injected: b"),
        case("white-space-only", [b"X-Value: a", b" ", b" b"], rb"a[ \t]* [ \t]*b"),
        case("at-the-end", [b"X-Value: a", b" "], rb"a"),
    ],
)
@requires("rfc9112.fields.obs-fold")
async def test_folded_value(http: Http, delivery: Delivery, lines: list[bytes], value: bytes) -> None:
    """A value that is folded has SP in place of each fold, or the request is answered with 400."""
    application = await (await send(http, request(*lines), delivery)).refused_or_called((400,))
    if application is not None:
        values = header_values(application, b"x-value")
        assert len(values) == 1
        assert re.fullmatch(value, values[0])
        assert header_values(application, b"injected") == []


@requires("rfc9112.fields.obs-fold")
async def test_fold_is_no_empty_line(http: Http, delivery: Delivery) -> None:
    """A line of white space behind a field does not end the header section, or the request is answered with 400."""
    trap = Trap(http, in_target=True)
    message = b"GET / HTTP/1.1\r\nHost: {host}\r\nX-Value: a\r\n \r\n" + trap.request
    await (await send(http, message, delivery)).refused_or_called((400,))


# --- octets in values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        case("latin-1", b"caf\xe9"),
        case("utf-8", "café €".encode()),
        case("neither", b"\xff\xfe"),
        case("all", b"a" + bytes(range(128, 256)) + b"b"),
    ],
)
@requires("rfc9110.fields.obs-text")
async def test_octets_above_127_are_opaque(http: Http, delivery: Delivery, value: bytes) -> None:
    """Octets above 127 in a value reach the application as they are."""
    application = await (await send(http, request(b"X-Value: " + value), delivery)).called()
    assert header_values(application, b"x-value") == [value]


@pytest.mark.parametrize(
    "value",
    [
        case("nul", b"a\0b"),
        case("nul-at-the-start", b"\0a"),
        case("nul-at-the-end", b"a\0"),
        case("cr", b"a\rb"),
        case("cr-like-a-field", b"a\rInjected: b"),
        case("cr-at-the-start", b"\ra"),
    ],
)
@requires("rfc9110.fields.cr-lf-nul")
async def test_cr_and_nul_in_a_value(http: Http, delivery: Delivery, value: bytes) -> None:
    """CR and NUL in a value are replaced with SP, or the request is refused."""
    sent = await send(http, request(b"X-Value: " + value), delivery)
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    if application is not None:
        assert header_values(application, b"x-value") == [re.sub(rb"[\r\0]", b" ", value).strip(b" ")]


@pytest.mark.parametrize("value", [case("plain", b"a\nb"), case("like-a-field", b"a\nInjected: b")])
@requires("rfc9110.fields.cr-lf-nul")
async def test_lf_in_a_value(http: Http, delivery: Delivery, value: bytes) -> None:
    """LF in a value ends the line or is replaced with SP, or the request is refused; the application does not get it."""
    sent = await send(http, request(b"X-Value: " + value), delivery)
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    if application is not None:
        assert not holds(application.scope, b"\n")
        assert header_values(application, b"x-value") in ([b"a"], [value.replace(b"\n", b" ")])


@pytest.mark.parametrize(
    "octet",
    [
        case("start-of-heading", b"\x01"),
        case("backspace", b"\x08"),
        case("vertical-tab", b"\x0b"),
        case("form-feed", b"\x0c"),
        case("escape", b"\x1b"),
        case("file-separator", b"\x1c"),
        case("delete", b"\x7f"),
    ],
)
@requires("rfc9110.fields.other-controls")
async def test_other_control_character_in_a_value(http: Http, octet: bytes) -> None:
    """What becomes of another control character in a value is the server's choice."""
    sent = await send(http, request(b"X-Value: a%bb" % octet))
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    if application is None:
        http.observe(f"refused: {sent.exchange.outcome}")
    else:
        http.observe(f"the application gets {header_values(application, b'x-value')}")


# --- the header section -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "values"),
    [
        case("together", [b"X-Value: a", b"X-Value: b", b"X-Value: c"], [b"a", b"b", b"c"]),
        case("apart", [b"X-Value: a", b"X-Other: z", b"x-value: b"], [b"a", b"b"]),
        case("lists", [b"X-Value: a, b", b"X-Value: c,d"], [b"a", b"b", b"c", b"d"]),
        case("accept", [b"Accept: text/html", b"Accept: */*"], [b"text/html", b"*/*"]),
    ],
)
@requires("rfc9110.fields.combined")
async def test_repeated_field_reaches_the_application(
    http: Http, delivery: Delivery, lines: list[bytes], values: list[bytes]
) -> None:
    """The application gets all values of a field that is repeated, in order, as lines or joined by commas."""
    application = await (await send(http, request(*lines), delivery)).called()
    name = lines[0].partition(b":")[0].lower()
    combined = b",".join(header_values(application, name))
    assert [value.strip() for value in combined.split(b",")] == values


@pytest.mark.parametrize(
    "message",
    [
        case("fields", request(b"X-Unknown: a", b"Unheard-Of: b", b"!#$%&'*+.^_`|~: c")),
        case("with-body", request(b"X-Unknown: a", b"Content-Length: 4", method=b"POST", body=b"body")),
        case(
            "trailer-fields",
            request(
                b"Transfer-Encoding: chunked",
                method=b"POST",
                body=b"4\r\nbody\r\n0\r\nX-Unknown: a\r\nUnheard-Of: b\r\n\r\n",
            ),
        ),
    ],
)
@requires("rfc9110.fields.unrecognised")
async def test_unknown_fields_are_ignored(http: Http, delivery: Delivery, message: bytes) -> None:
    """A request with fields that nobody knows is processed like one without them."""
    body = await (await send(http, message, delivery)).body(or_closed=False)
    assert body == (b"body" if message.startswith(b"POST") else b"")


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        case("after-the-request-line", b"GET /unfinished HTTP/1.1\r\n", b"Host: {host}\r\n\r\n"),
        case("after-host", b"GET /unfinished HTTP/1.1\r\nHost: {host}\r\n", b"X-Value: a\r\n\r\n"),
        case("after-the-last-field", b"GET /unfinished HTTP/1.1\r\nHost: {host}\r\nX-Value: a\r\n", b"\r\n"),
        case("within-the-empty-line", b"GET /unfinished HTTP/1.1\r\nHost: {host}\r\n\r", b"\n"),
    ],
)
@requires("rfc9110.fields.whole-section-first")
async def test_application_is_not_called_before_the_empty_line(http: Http, first: bytes, rest: bytes) -> None:
    """The application is not called before the header section has come to its end."""
    connection = await http.connect()
    exchange = connection.expect()
    connection.write(first.replace(b"{host}", exchange.authority))
    await http.settle()
    assert not exchange.applications, "the application was called"
    assert not exchange.over, exchange.outcome
    connection.write(rest.replace(b"{host}", exchange.authority))
    await exchange.answered()


@pytest.mark.parametrize(
    "message",
    [
        case("name-that-is-no-token", request(b"X(Value): a")),
        case("no-colon", request(b"no colon here")),
        case("no-host", b"GET / HTTP/1.1\r\n\r\n"),
        case("no-version-of-http", b"GET / HTTP/x.y\r\nHost: {host}\r\n\r\n"),
    ],
)
@requires("rfc9110.status-4xx.explained")
async def test_refusal_is_explained(http: Http, message: bytes) -> None:
    """A response of 4xx that the server itself generates has content."""
    sent = await send(http, message)
    application = await sent.refused_or_called(ANY_REFUSAL, or_closed=True)
    response = sent.exchange.arrived
    if application is not None or response is None or response.status not in CLIENT_ERRORS:
        inapplicable(f"the server does not answer with a 4xx of its own: {sent.exchange.outcome}")
    assert response.body
