"""Any request: its path, query, method, headers and body arrive in the scope and the events exactly as they were sent."""

import asyncio
import unicodedata

from hypothesis import strategies as st

from asgi_conformance.fixtures import strategies
from asgi_conformance.fixtures.application import Fields
from asgi_conformance.fixtures.checks import Broken, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http import Headers
from asgi_conformance.fixtures.http1 import Exchange
from asgi_conformance.fixtures.properties import given
from asgi_conformance.fixtures.strategies import Path
from asgi_conformance.fixtures.values import difference, items

CLEAR_ONLY = True  # what is drawn makes no difference to TLS

REFUSALS = (*range(400, 500), 501)


async def scope_unless_refused(exchange: Exchange) -> Fields | None:
    """Return the scope for a request, which is then answered; or ``None`` where the server refused it, as it may."""
    application = await exchange.called_or_refused()
    if application is None:
        response = await exchange.response()
        if response.status not in REFUSALS:
            raise Broken(f"the server neither called the application nor refused the request: {exchange.outcome}")
        return None
    await application.respond()
    await exchange.response()
    return application.scope


# --- the target -------------------------------------------------------------------------------------------------------


PATH = (
    "http.scope.path.decoded",
    "http.scope.path.encoded-slash",
    "http.scope.path.segments",
    "http.scope.path.utf8",
)


@requires(*PATH, "http.scope.path.without-query")
@given(path=strategies.paths(), query=st.none() | strategies.queries())
async def test_path(http: Http, path: Path, query: bytes | None) -> None:
    """`path` is what the target says before the query, decoded once from percent-encoding and UTF-8, else unchanged."""
    scope = await http.scope(target=path.raw + (b"" if query is None else b"?" + query))
    assert scope["path"] == path.text


@requires(*PATH, "http.scope.path.encoded-control")
@given(path=strategies.paths(controls=True))
async def test_path_with_control_characters(http: Http, path: Path) -> None:
    """`path` has encoded control characters decoded like all others, unless the server refuses the request."""
    scope = await scope_unless_refused(await http.request(target=path.raw))
    if scope is None:
        if not any(unicodedata.category(character) == "Cc" for character in path.text):
            raise Broken("a path without control characters was refused")
        return
    assert scope["path"] == path.text


@requires("http.scope.raw-path.value")
@given(path=strategies.paths(), query=st.none() | strategies.queries())
async def test_raw_path(http: Http, path: Path, query: bytes | None) -> None:
    """`raw_path`, where it is offered, is the path of the target, octet for octet, without the query."""
    scope = await http.scope(target=path.raw + (b"" if query is None else b"?" + query))
    assert scope.get("raw_path") in (None, path.raw)


@requires("http.scope.query-string.value", "http.scope.query-string.raw")
@given(path=strategies.paths(), query=strategies.queries())
async def test_query_string(http: Http, path: Path, query: bytes) -> None:
    """`query_string` is all that follows the first question mark, octet for octet."""
    scope = await http.scope(target=path.raw + b"?" + query)
    assert scope["query_string"] == query


# --- the method and the headers ---------------------------------------------------------------------------------------


@requires("http.scope.method.value")
@given(method=strategies.methods())
async def test_method(http: Http, method: str) -> None:
    """`method` is the method of the request, unless the server refuses it."""
    scope = await scope_unless_refused(await http.request(method))
    assert scope is None or scope["method"] == method


def by_name(headers: Headers) -> dict[bytes, list[bytes]]:
    """Return the values of each name, which is in lower case, in their order."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def received(scope: Fields, sent: Headers) -> dict[bytes, list[bytes]]:
    """Return the values in the scope of each name that was sent."""
    names = {name.lower() for name, _ in sent}
    return by_name([(name, value) for name, value in map(items, items(scope["headers"])) if name.lower() in names])


HEADERS = ("http.scope.headers.exact", "http.scope.headers.duplicates", "http.scope.headers.order")


@requires(*HEADERS)
@given(headers=strategies.request_headers(), upper=st.sets(st.integers(0, 7)))
async def test_headers(http: Http, headers: Headers, upper: set[int]) -> None:
    """Every header of the request is in `headers`, octet for octet, those of one name apart and in their order."""
    sent = [(name.upper() if number in upper else name, value) for number, (name, value) in enumerate(headers)]
    scope = await http.scope(headers=sent)
    assert received(scope, sent) == by_name(sent)


@requires(*HEADERS, "http.scope.headers.non-ascii")
@given(headers=strategies.request_headers(obs_text=True))
async def test_headers_with_octets_above_127(http: Http, headers: Headers) -> None:
    """Octets above 127 in the values of headers reach the application as they came, unless the request is refused."""
    scope = await scope_unless_refused(await http.request(headers=headers))
    assert scope is None or received(scope, headers) == by_name(headers)


# --- the body ---------------------------------------------------------------------------------------------------------


async def judge_body(exchange: Exchange, sent: bytes) -> None:
    """Have the application receive the whole body, compare it with what was sent, and answer."""
    application = await exchange.called()
    assert difference(await application.body(), sent) is None
    await application.respond()
    await exchange.response()


@requires("http.request.body.value", "http.request.more-body.ends")
@given(method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET"]), body=strategies.bodies())
async def test_body_with_a_length(http: Http, method: str, body: bytes) -> None:
    """The pieces of a body that was sent with its length make the body, octet for octet, whatever the method."""
    await judge_body(await http.request(method, body=body), body)


@requires("http.request.body.concatenated", "http.request.more-body.ends", "http.transfer-encoding.inbound")
@given(pieces=strategies.pieces(), at_once=st.booleans())
async def test_body_in_pieces(http: Http, pieces: list[bytes], at_once: bool) -> None:
    """The pieces of a body that was sent in pieces make the body, octet for octet, however it was split and sent."""
    exchange = await http.request("POST", pieces=pieces if at_once else [], unfinished=not at_once)
    if not at_once:
        for piece in pieces:
            exchange.send_body(piece)
            await asyncio.sleep(0)
        exchange.end_body()
    await judge_body(exchange, b"".join(pieces))
