"""The status and the headers of a response as the client gets them: www.rst, Response Start - send event."""

from typing import Any

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import case, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http import Headers, Response
from asgi_conformance.fixtures.http1 import Exchange
from asgi_conformance.fixtures.values import Recipe

STATUSES = (200, 201, 202, 206, 207, 226, 299, 300, 301, 302, 308, 400, 401, 404, 418, 422, 451, 499, 500, 503, 599)


async def answered(http: Http, start: dict[str, Any], body: bytes = b"body") -> Response:
    """Return the response that the client gets for a start and one body event."""
    exchange, application = await http.call()
    await application.send(start)
    await application.send(response_body(body))
    return await exchange.response()


def given(response: Response, *names: bytes) -> Headers:
    """Return the response's headers that have one of these lower-case names, lower-cased, in their order."""
    return [(name.lower(), value) for name, value in response.headers if name.lower() in names]


@pytest.mark.parametrize("status", [case(str(status), status) for status in STATUSES])
@requires("http.start.status.value")
async def test_status_is_the_one_given(http: Http, status: int) -> None:
    """The client gets the status that the application gave."""
    assert (await answered(http, response_start(status))).status == status


@requires("http.start.type.value")
async def test_start_event_starts_the_response(http: Http) -> None:
    """`http.response.start` starts the response: its status and its headers are what the client gets first."""
    response = await answered(http, response_start(203, [(b"x-probe", b"value")]))
    assert (response.status, given(response, b"x-probe")) == (203, [(b"x-probe", b"value")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("plain", b"x-probe", b"value"),
        case("every-token-character", b"x-!#$%&'*+-.^_`|~0a", b"value"),
        case("inner-white-space", b"x-probe", b"a  b\tc"),
        case("delimiters", b"x-probe", b'(a), "b"; <c>=[d]{e}?@\\'),
        case("empty", b"x-probe", b""),
        case("latin-1", b"x-probe", "café".encode("latin-1")),
        case("utf-8", b"x-probe", "€".encode()),
        case("long", b"x-probe", b"v" * 8000),
        case("location", b"location", b"/a%20b?c=d#e"),
        case("content-type", b"content-type", b'text/plain; charset="utf-8"'),
    ],
)
@requires("http.start.headers.exact")
async def test_header_is_the_one_given(http: Http, name: bytes, value: bytes) -> None:
    """A header that the application gave reaches the client, its value octet for octet."""
    response = await answered(http, response_start(200, [(name, value)]))
    assert given(response, name) == [(name, value)]


@requires("http.start.headers.order")
async def test_order_of_names_is_kept(http: Http) -> None:
    """Headers of different names reach the client in the order in which the application gave them."""
    headers = [(b"x-%d" % (37 * number % 50), b"%d" % number) for number in range(50)]
    response = await answered(http, response_start(200, headers))
    assert given(response, *(name for name, _ in headers)) == headers


@requires("http.start.headers.order")
async def test_order_of_values_is_kept(http: Http) -> None:
    """Headers of one name reach the client in the order in which the application gave them."""
    headers = [(b"x-probe", b"%d" % (37 * number % 50)) for number in range(50)]
    response = await answered(http, response_start(200, headers))
    assert given(response, b"x-probe") == headers


@requires("http.start.headers.order")
async def test_order_of_mixed_headers_is_kept(http: Http) -> None:
    """Headers of one name keep their places among the others: they are not brought together."""
    headers = [(b"x-c", b"1"), (b"x-a", b"2"), (b"x-b", b"3"), (b"x-a", b"4"), (b"x-c", b"5")]
    response = await answered(http, response_start(200, headers))
    assert given(response, b"x-a", b"x-b", b"x-c") == headers


@requires("http.start.headers.duplicates")
async def test_duplicates_are_kept_apart(http: Http) -> None:
    """Headers of one name are neither joined nor dropped."""
    headers = [(b"x-probe", b"1"), (b"x-probe", b"2"), (b"x-probe", b"1")]
    response = await answered(http, response_start(200, headers))
    assert given(response, b"x-probe") == headers


@requires("http.cookies.set-cookie")
async def test_cookies_are_kept_apart(http: Http) -> None:
    """Each Set-Cookie reaches the client by itself, in its order."""
    headers = [
        (b"set-cookie", b"a=1; Path=/; HttpOnly"),
        (b"set-cookie", b"b=2; Expires=Wed, 09 Jun 2027 10:18:14 GMT"),
        (b"set-cookie", b"a=3"),
    ]
    response = await answered(http, response_start(200, headers))
    assert given(response, b"set-cookie") == headers


@requires("http.start.headers.default")
async def test_headers_may_be_missing(http: Http) -> None:
    """A start without `headers` is a response without any of the application's."""
    response = await answered(http, {"type": "http.response.start", "status": 200})
    assert (response.status, bytes(response.body)) == (200, b"body")


@requires("http.start.trailers.default")
async def test_trailers_may_be_missing(http: Http) -> None:
    """A start without `trailers` makes a response that is complete without any."""
    response = await answered(http, {"type": "http.response.start", "status": 200, "headers": []})
    assert response.complete


@pytest.mark.parametrize(
    "headers",
    [
        case("list-of-lists", [[b"x-a", b"1"], [b"x-b", b"2"]]),
        case("list-of-tuples", [(b"x-a", b"1"), (b"x-b", b"2")]),
        case("tuple-of-tuples", ((b"x-a", b"1"), (b"x-b", b"2"))),
        case("tuple-of-lists", ([b"x-a", b"1"], [b"x-b", b"2"])),
        case("iterator", Recipe("iterator", [(b"x-a", b"1"), (b"x-b", b"2")])),
        case("list-of-iterators", [Recipe("iterator", [b"x-a", b"1"]), Recipe("iterator", [b"x-b", b"2"])]),
        case("empty-tuple", ()),
    ],
)
@requires("http.start.headers.shape")
async def test_headers_may_be_any_iterable(http: Http, headers: Any) -> None:
    """`headers` may be any iterable of any two-item iterables."""
    exchange, application = await http.call()
    await application.send({"type": "http.response.start", "status": 200, "headers": headers})
    await application.send(response_body(b"body"))
    response = await exchange.response()
    assert given(response, b"x-a", b"x-b") == ([] if headers == () else [(b"x-a", b"1"), (b"x-b", b"2")])


@pytest.mark.parametrize("coding", [case("gzip", b"gzip"), case("br", b"br"), case("unregistered", b"x-probe")])
@requires("http.start.headers.content-encoding")
async def test_content_encoding_is_the_applications(http: Http, coding: bytes) -> None:
    """A Content-Encoding and the body that is so encoded reach the client as the application gave them."""
    response = await answered(http, response_start(200, [(b"content-encoding", coding)]), bytes(range(256)))
    assert given(response, b"content-encoding") == [(b"content-encoding", coding)]
    assert response.body == bytes(range(256))


@requires("http.start.headers.lowercase")
async def test_name_in_capitals(http: Http) -> None:
    """What becomes of a header name in capitals, which the application must not give, is the server's choice."""
    exchange, application = await http.call()
    raised = await application.attempt(response_start(200, [(b"X-Probe", b"value")]))
    if raised is not None:
        http.observe(f"send raises {raised!r}")
        return
    await application.send(response_body(b"body"))
    response = await exchange.response()
    names = [name for name, _ in response.headers if name.lower() == b"x-probe"]
    http.observe(f"sent as {names[0].decode()}" if names else "dropped")


@pytest.mark.parametrize("name", [case("status", b":status"), case("unknown", b":probe"), case("colon", b":")])
@requires("http.start.headers.pseudo")
async def test_pseudo_header_does_not_reach_the_wire(http: Http, name: bytes) -> None:
    """A pseudo header of the application's does not reach the client."""
    exchange = await attempted(http, name, b"204")
    assert exchange.refused is None, exchange.outcome
    assert b"\n" + name + b":" not in exchange.connection.received


async def attempted(http: Http, name: bytes, value: bytes) -> Exchange:
    """Have the application try a response with this header; return the exchange, when nothing of it is on its way."""
    exchange, application = await http.call()
    await application.conclude(response_start(200, [(name, value)]), response_body(b"body"))
    await http.settle()
    return exchange


BAD_NAMES = [
    case("cr-lf", b"x-probe: a\r\nx-injected", b"1"),
    case("lf", b"x-probe: a\nx-injected", b"1"),
    case("cr", b"x-probe: a\rx-injected", b"1"),
]
BAD_VALUES = [
    case("cr-lf", b"x-probe", b"a\r\nx-injected: 1"),
    case("lf", b"x-probe", b"a\nx-injected: 1"),
    case("cr", b"x-probe", b"a\rx-injected: 1"),
    case("whole-response", b"x-probe", b"a\r\n\r\nHTTP/1.1 200 OK\r\nx-injected: 1\r\n\r\n"),
]


@pytest.mark.parametrize(("name", "value"), BAD_VALUES)
@requires("http.start.headers.no-injection")
async def test_line_break_in_a_value_does_not_reach_the_wire(http: Http, name: bytes, value: bytes) -> None:
    """A CR or LF in a value makes no other headers, and no other response, than the application gave."""
    exchange = await attempted(http, name, value)
    assert value not in exchange.connection.received


@pytest.mark.parametrize(("name", "value"), BAD_NAMES)
@requires("http.start.headers.no-injection")
async def test_line_break_in_a_name_does_not_reach_the_wire(http: Http, name: bytes, value: bytes) -> None:
    """A CR or LF in a name makes no other headers than the application gave."""
    exchange = await attempted(http, name, value)
    assert name not in exchange.connection.received


@pytest.mark.parametrize(
    ("name", "value", "element"),
    [
        case("nul-in-value", b"x-probe", b"a\0b", b"a\0b"),
        case("nul-in-name", b"x-\0probe", b"a", b"x-\0probe"),
        case("space-in-name", b"x probe", b"a", b"x probe:"),
        case("colon-in-name", b"x:probe", b"a", b"x:probe:"),
        case("empty-name", b"", b"nameless", b"\n: nameless"),
    ],
)
@requires("rfc9110.sender-grammar")
async def test_malformed_header_does_not_reach_the_wire(http: Http, name: bytes, value: bytes, element: bytes) -> None:
    """A header that HTTP's grammar does not allow does not reach the client."""
    exchange = await attempted(http, name, value)
    assert element not in exchange.connection.received
