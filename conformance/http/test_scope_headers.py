"""The scope's `headers`, cookies included: www.rst, HTTP and HTTP Connection Scope."""

import pytest

from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.values import header_values, items


@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("plain", b"x-probe", b"value"),
        case("every-token-character", b"x-!#$%&'*+-.^`|~0aZ", b"value"),
        case("inner-white-space", b"x-probe", b"a  b\tc"),
        case("delimiters", b"x-probe", b'(a), "b"; <c>=[d]{e}?@\\'),
        case("empty", b"x-probe", b""),
        case("one-character", b"x", b"y"),
        case("underscore", b"x_probe", b"value"),
        case("long", b"x-probe", b"v" * 4000),
        case("comma", b"x-probe", b"a, b,c"),
        case("encoded-word", b"x-probe", b"=?utf-8?q?caf=C3=A9?="),
        case("forwarded", b"x-forwarded-for", b"203.0.113.7, 198.51.100.2"),
    ],
)
@requires("http.scope.headers.exact")
async def test_header_is_what_the_client_sent(http: Http, name: bytes, value: bytes) -> None:
    """A header of the request is in `headers`, its value octet for octet."""
    scope = await http.scope(headers=[(name, value)])
    assert header_values(scope, name.lower()) == [value]


@pytest.mark.parametrize(
    "value",
    [
        case("latin-1", "café".encode("latin-1")),
        case("utf-8", "café €".encode()),
        case("all-high", bytes(range(128, 256))),
    ],
)
@requires("http.scope.headers.non-ascii")
async def test_octets_above_127_are_left_as_they_are(http: Http, value: bytes) -> None:
    """A value with octets above 127 reaches the application as it came, unless the request is refused."""
    exchange = await http.request(headers=[(b"x-probe", value)])
    application = await exchange.called_or_refused()
    if application is None:
        inapplicable(f"the server refuses such a request: {exchange.outcome}")
    await application.respond()
    assert header_values(application.scope, b"x-probe") == [value]
    await exchange.response()


@requires("http.scope.headers.order")
async def test_order_of_values_is_kept(http: Http) -> None:
    """The values of one name are in the order in which the client sent them, whatever stands between them."""
    sent = [(b"x-probe", b"1"), (b"x-other", b"a"), (b"x-probe", b"2"), (b"x-other", b"b"), (b"x-probe", b"3")]
    scope = await http.scope(headers=sent)
    assert b",".join(header_values(scope, b"x-probe")).replace(b" ", b"") == b"1,2,3"
    assert b",".join(header_values(scope, b"x-other")).replace(b" ", b"") == b"a,b"


@pytest.mark.parametrize(
    "sent",
    [
        case("same-case", [(b"x-probe", b"1"), (b"x-probe", b"2"), (b"x-probe", b"1")]),
        case("different-case", [(b"X-Probe", b"1"), (b"x-probe", b"2"), (b"X-PROBE", b"3")]),
        case("registered-list", [(b"accept", b"text/html"), (b"accept", b"text/plain;q=0.5")]),
        case("forwarded", [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-for", b"198.51.100.2")]),
        case("empty-values", [(b"x-probe", b""), (b"x-probe", b"")]),
    ],
)
@requires("http.scope.headers.duplicates")
async def test_duplicates_are_kept_apart(http: Http, sent: list[tuple[bytes, bytes]]) -> None:
    """Headers of one name are neither joined nor dropped."""
    scope = await http.scope(headers=sent)
    assert header_values(scope, sent[0][0].lower()) == [value for _, value in sent]


@requires("http.scope.headers.lowercase")
async def test_names_are_in_lower_case(http: Http) -> None:
    """The names of headers are in lower case."""
    scope = await http.scope(headers=[(b"X-Probe", b"value"), (b"ACCEPT", b"*/*")])
    names = [items(header)[0] for header in items(scope["headers"])]
    assert names == [name.lower() for name in names]


@pytest.mark.parametrize(
    "cookie",
    [
        case("one", b"a=b"),
        case("several", b"a=b; c=d; e=f"),
        case("unusual-delimiters", b"a=b;c=d;  e=f;"),
        case("quoted", b'a="b c"; d="e;f"'),
    ],
)
@requires("http.cookies.request-exact")
async def test_cookie_is_what_the_client_sent(http: Http, cookie: bytes) -> None:
    """A `cookie` header reaches the application octet for octet."""
    scope = await http.scope(headers=[(b"cookie", cookie)])
    assert header_values(scope, b"cookie") == [cookie]
