"""Where the TLS extension is, and what is beside it: tls.rst, "The Base Protocol" and "When to use this extension"."""

import pytest

from asgi_conformance.fixtures.application import response_body, response_start
from asgi_conformance.fixtures.checks import case, configured, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.tls import Hello, Tls, TlsConnection
from asgi_conformance.fixtures.websocket import WebSockets

VERSIONS = [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")]


async def resumed(tls: Tls, version: str) -> TlsConnection:
    """Return a connection over a resumed session, after one with a request on it; inapplicable where there is none."""
    first = await tls.agreed(Hello(version), f"TLS {version}")
    await tls.scope(connection=first)
    first.close()
    if first.session is None:
        inapplicable(f"the server does not offer to resume a session of TLS {version}")
    second = await tls.secure(first.hello, before=first)
    if not second.resumed:
        await tls.exchange(second)
        inapplicable(f"the server does not resume sessions of TLS {version}")
    return second


@requires("tls.presence.not-in-clear", "tls.presence.only-tls")
async def test_extension_is_not_there_in_clear(http: Http) -> None:
    """The scope of a request that came in clear has no extension tls."""
    assert "tls" not in (await http.scope()).get("extensions", {})


@requires("tls.presence.not-in-clear", "tls.presence.only-tls")
async def test_extension_is_not_there_in_clear_for_websocket(websocket: WebSockets) -> None:
    """The scope of a WebSocket that is asked for in clear has no extension tls."""
    assert "tls" not in (await websocket.scope()).get("extensions", {})


@requires("tls.presence.offered")
async def test_extension_is_offered(tls: Tls) -> None:
    """It shows whether the server tells the application about TLS."""
    extensions = (await tls.scope()).get("extensions") or {}
    tls.observe("the server offers the extension tls" if "tls" in extensions else "the extension tls is not offered")


@pytest.mark.parametrize("version", VERSIONS)
@requires("http.scope.scheme.value", "http.scope.scheme.default")
async def test_scheme_is_https(tls: Tls, version: str) -> None:
    """`scheme` is "https" over each version of TLS."""
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    assert (await tls.scope(connection=connection)).get("scheme", "http") == "https"


@pytest.mark.parametrize("version", VERSIONS)
@requires("http.scope.scheme.value", "http.scope.scheme.default")
async def test_scheme_is_https_over_a_resumed_session(tls: Tls, version: str) -> None:
    """`scheme` is "https" over a session that was resumed."""
    assert (await tls.scope(connection=await resumed(tls, version))).get("scheme", "http") == "https"


@requires("websocket.scope.scheme.value", "websocket.scope.scheme.default")
@configured(tls=True)
async def test_scheme_is_wss(websocket: WebSockets) -> None:
    """`scheme` is "wss" for a WebSocket over TLS."""
    assert (await websocket.scope()).get("scheme", "ws") == "wss"


@requires("tls.base.http", "tls.base.extension")
async def test_scope_is_one_of_http(tls: Tls) -> None:
    """The scope with the extension is of the type http, and has all that such a scope must have."""
    connection = await tls.connect()
    scope = await tls.scope("GET", "/path?query", connection=connection)
    await tls.told(connection)
    assert scope["type"] == "http"
    assert (scope["method"], scope["path"], scope["query_string"]) == ("GET", "/path", b"query")
    assert {"asgi", "http_version", "headers"} <= scope.keys()


@requires("tls.base.websocket")
@configured(tls=True)
async def test_websocket_is_told_too(tls: Tls, websocket: WebSockets) -> None:
    """A server that offers the extension for requests offers it for WebSockets."""
    await tls.told()
    assert "tls" in ((await websocket.scope()).get("extensions") or {})


@requires("tls.events")
async def test_events_are_those_of_http(tls: Tls) -> None:
    """Over TLS the application receives the events of a request that it would in clear, and its response arrives."""
    await tls.told()
    exchange, application = await tls.call("POST", body=b"request")
    events = await application.body_events()
    assert b"".join(event.get("body", b"") for event in events) == b"request"
    await application.send(response_start(200))
    await application.send(response_body(b"res", more_body=True))
    await application.send(response_body(b"ponse"))
    assert (await exchange.response()).body == b"response"


@requires("tls.presence.every-request")
async def test_extension_is_there_for_later_requests(tls: Tls) -> None:
    """Where one request on a connection is told of TLS, later ones are too."""
    connection = await tls.connect()
    await tls.told(connection)
    for _ in range(3):
        if connection.closed is not None:
            inapplicable("the connection does not persist")
        assert "tls" in ((await tls.scope(connection=connection)).get("extensions") or {})


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.presence.every-request")
async def test_extension_is_there_over_each_version(tls: Tls, version: str) -> None:
    """Where the server offers the extension, it does so over each version of TLS that it speaks."""
    await tls.offers()
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    assert "tls" in ((await tls.scope(connection=connection)).get("extensions") or {})


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.presence.every-request")
async def test_extension_is_there_over_a_resumed_session(tls: Tls, version: str) -> None:
    """Where the server offers the extension, it does so over a session that was resumed."""
    await tls.offers()
    scope = await tls.scope(connection=await resumed(tls, version))
    assert "tls" in (scope.get("extensions") or {})


@pytest.mark.parametrize("version", VERSIONS)
@requires("rfc8446.resumption.offered")
async def test_sessions_can_be_resumed(tls: Tls, version: str) -> None:
    """It shows whether a client can resume its session."""
    first = await tls.agreed(Hello(version), f"TLS {version}")
    await tls.exchange(first)
    first.close()
    if first.session is None:
        tls.observe(f"the server offers no session of TLS {version} to resume")
        return
    second = await tls.secure(first.hello, before=first)
    await tls.exchange(second)
    tls.observe(f"the server {'resumes' if second.resumed else 'does not resume'} sessions of TLS {version}")
