"""Events that an application must not send: asgi.rst, Error Handling; the keys of www.rst's send events."""

from typing import Any

import pytest

from asgi_conformance.fixtures.application import Application, response_body, response_start
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http1 import Exchange
from asgi_conformance.fixtures.values import Recipe

HEADER_STR = ("http.start.headers.type", "core.send.wrong-type.raises")  # the example of the core specification
START = response_start(200)
BODY = response_body(b"body", more_body=True)


def start(**fields: Any) -> dict[str, Any]:
    """Return a start with these fields in place of the right ones."""
    return {**START, **fields}


def body(**fields: Any) -> dict[str, Any]:
    """Return a body event with these fields in place of the right ones."""
    return {**BODY, **fields}


def without(event: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an event that lacks one of its keys."""
    return {name: value for name, value in event.items() if name != key}


STARTS = [
    case("unknown-type", start(type="http.response.probe"), requires="core.send.unknown-type.raises"),
    case("empty-type", start(type=""), requires="core.send.unknown-type.raises"),
    case("type-of-websocket", {"type": "websocket.accept"}, requires="core.send.unknown-type.raises"),
    case("type-of-receive", {"type": "http.request", "body": b""}, requires="core.send.unknown-type.raises"),
    case("no-type", without(START, "type"), requires="core.send.missing-key.raises"),
    case("empty-dict", {}, requires="core.send.missing-key.raises"),
    case("no-status", without(START, "status"), requires="http.start.status.required"),
    case("type-none", start(type=None), requires="http.start.type.type"),
    case("type-bytes", start(type=b"http.response.start"), requires="http.start.type.type"),
    case("type-int", start(type=200), requires="http.start.type.type"),
    case("status-str", start(status="200"), requires="http.start.status.type"),
    case("status-none", start(status=None), requires="http.start.status.type"),
    case("status-float", start(status=200.0), requires="http.start.status.type"),
    case("status-bytes", start(status=b"200"), requires="http.start.status.type"),
    case("status-list", start(status=[200]), requires="http.start.status.type"),
    case("headers-none", start(headers=None), requires="http.start.headers.type"),
    case("headers-int", start(headers=1), requires="http.start.headers.type"),
    case("headers-str", start(headers="x-probe: value"), requires="http.start.headers.type"),
    case("headers-bytes", start(headers=b"x-probe: value"), requires="http.start.headers.type"),
    case("headers-dict", start(headers={b"x-probe": b"value"}), requires="http.start.headers.type"),
    case("header-one-item", start(headers=[[b"x-probe"]]), requires="http.start.headers.type"),
    case("header-three-items", start(headers=[[b"x-probe", b"a", b"b"]]), requires="http.start.headers.type"),
    case("header-none", start(headers=[None]), requires="http.start.headers.type"),
    case("name-str", start(headers=[["x-probe", b"value"]]), requires=HEADER_STR),
    case("value-str", start(headers=[[b"x-probe", "value"]]), requires=HEADER_STR),
    case("name-and-value-str", start(headers=[["x-probe", "value"]]), requires=HEADER_STR),
    case("value-int", start(headers=[[b"x-probe", 1]]), requires="http.start.headers.type"),
    case("value-none", start(headers=[[b"x-probe", None]]), requires="http.start.headers.type"),
    case("name-none", start(headers=[[None, b"value"]]), requires="http.start.headers.type"),
    case("content-length-str", start(headers=[[b"content-length", "4"]]), requires="http.start.headers.type"),
    case("none", None, requires="core.send.not-a-dict.raises"),
    case("str", "http.response.start", requires="core.send.not-a-dict.raises"),
    case("list", [["type", "http.response.start"], ["status", 200]], requires="core.send.not-a-dict.raises"),
    case("int", 200, requires="core.send.not-a-dict.raises"),
    case("object", Recipe("object"), requires="core.send.not-a-dict.raises"),
    case("body-first", BODY, requires="core.send.wrong-order.raises"),
]

BODIES = [
    case("unknown-type", body(type="http.response.probe"), requires="core.send.unknown-type.raises"),
    case("no-type", without(BODY, "type"), requires="core.send.missing-key.raises"),
    case("type-none", body(type=None), requires="http.body.type.type"),
    case("type-bytes", body(type=b"http.response.body"), requires="http.body.type.type"),
    case("type-int", body(type=0), requires="http.body.type.type"),
    case("body-str", body(body="body"), requires="http.body.body.type"),
    case("body-none", body(body=None), requires="http.body.body.type"),
    case("body-int", body(body=4), requires="http.body.body.type"),
    case("body-list", body(body=[98, 111, 100, 121]), requires="http.body.body.type"),
    case("body-list-of-bytes", body(body=[b"body"]), requires="http.body.body.type"),
    case("body-dict", body(body={"body": b"body"}), requires="http.body.body.type"),
    case("more-body-none", body(more_body=None), requires="http.body.more-body.type"),
    case("more-body-int", body(more_body=1), requires="http.body.more-body.type"),
    case("more-body-str", body(more_body="true"), requires="http.body.more-body.type"),
    case("more-body-list", body(more_body=[]), requires="http.body.more-body.type"),
    case("none", None, requires="core.send.not-a-dict.raises"),
    case("bytes", b"body", requires="core.send.not-a-dict.raises"),
    case("second-start", START, requires="core.send.wrong-order.raises"),
]


@pytest.mark.parametrize("event", STARTS)
@requires()
async def test_wrong_event_at_the_start(http: Http, event: Any) -> None:
    """`send` raises when the application sends this before it has started the response."""
    _, application = await http.call()
    raised = await application.attempt(event)
    await application.finish()
    assert (await http.exchange()).status == 204
    assert raised is not None, "send returned"


@pytest.mark.parametrize("event", BODIES)
@requires()
async def test_wrong_event_in_the_response(http: Http, event: Any) -> None:
    """`send` raises when the application sends this after it has started the response."""
    _, application = await http.call()
    await application.send(START)
    await application.send(BODY)
    raised = await application.attempt(event)
    await application.finish()
    assert (await http.exchange()).status == 204
    assert raised is not None, "send returned"


async def refused(http: Http, event: Any, begun: bool = False) -> tuple[Exchange, Application]:
    """Return an exchange in which `send` has refused an event; the check ends if it has not."""
    exchange, application = await http.call()
    if begun:
        await application.send(START)
        await application.send(BODY)
    if await application.attempt(event) is None:
        inapplicable("send does not refuse this event, which is judged elsewhere")
    return exchange, application


@pytest.mark.parametrize(
    "event",
    [
        case("unknown-type", start(type="http.response.probe")),
        case("no-type", without(START, "type")),
        case("no-status", without(START, "status")),
        case("status-str", start(status="200")),
        case("name-str", start(headers=[["x-probe", b"value"]])),
        case("not-a-dict", None),
        case("body-first", BODY),
    ],
)
@requires("core.send.invalid-event.no-effect")
async def test_refused_event_leaves_the_start_to_the_application(http: Http, event: Any) -> None:
    """After `send` has refused an event the application can still send its response, which reaches the client whole."""
    exchange, application = await refused(http, event)
    await application.respond(203, [(b"x-probe", b"value")], b"the response")
    response = await exchange.response()
    assert (response.status, bytes(response.body)) == (203, b"the response")


@pytest.mark.parametrize(
    "event",
    [
        case("unknown-type", body(type="http.response.probe")),
        case("body-str", body(body="more")),
        case("not-a-dict", None),
        case("second-start", START),
    ],
)
@requires("core.send.invalid-event.no-effect")
async def test_refused_event_leaves_the_body_to_the_application(http: Http, event: Any) -> None:
    """After `send` has refused an event in the middle of a response, the response can still be completed."""
    exchange, application = await refused(http, event, begun=True)
    await application.send(response_body(b", the rest"))
    assert (await exchange.response()).body == b"body, the rest"


@pytest.mark.parametrize(
    "extra",
    [
        case("unknown-key", {"probe": "value"}),
        case("nested-value", {"probe": {"a": [1, 2.5, None]}}),
        case("several", {"probe": b"value", "x": 1, "": None}),
    ],
)
@requires("core.send.extra-keys-accepted")
async def test_additional_keys_are_accepted(http: Http, extra: dict[str, Any]) -> None:
    """Keys that the specification does not know make no difference."""
    exchange, application = await http.call()
    await application.send(start(**extra))
    await application.send({**response_body(b"body"), **extra})
    assert (await exchange.response()).body == b"body"


@pytest.mark.parametrize(
    "value",
    [
        case("bytearray", bytearray(b"body")),
        case("memoryview", memoryview(b"body")),
        case("bytes-subclass", Recipe("bytes subclass", b"body")),
    ],
)
@requires("core.send.bytes-like")
async def test_body_that_is_like_bytes(http: Http, value: Any) -> None:
    """Whether something like bytes is accepted as a body is the server's choice."""
    _, application = await http.call()
    await application.send(start())
    raised = await application.attempt({"type": "http.response.body", "body": value})
    http.observe("accepted" if raised is None else f"send raises {raised!r}")
    await application.finish()
    assert (await http.exchange()).status == 204
