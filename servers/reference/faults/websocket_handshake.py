"""Faults in how a WebSocket is asked for, told to the application, accepted and denied."""

from __future__ import annotations

import posixpath
import re
from collections import UserDict
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes

import anyio

from asgi_conformance.servers.reference import deflate, events, handshake, websocket_events, wire
from asgi_conformance.servers.reference.channel import Channel
from asgi_conformance.servers.reference.events import Application, Receive, Scope, Send
from asgi_conformance.servers.reference.faults.registry import fault, scope_fault
from asgi_conformance.servers.reference.faults.websocket_wire import instead, wire_fault
from asgi_conformance.servers.reference.frames import FrameReader
from asgi_conformance.servers.reference.http1 import HTTP1
from asgi_conformance.servers.reference.websocket import CONNECTING, Denial, WebSocket
from asgi_conformance.servers.reference.websocket_events import Accept

SCOPE = "websocket.scope."


class Text(str):
    """A str that is not exactly one."""


class NoDict(UserDict[Any, Any]):
    """A mapping that is no dict."""


# --- one scope for each socket ----------------------------------------------------------------------------------------


@fault("websocket-called-anew-for-a-message", "websocket.scope-per-connection.single", suite="websocket")
def _(application: Application) -> Application:
    async def nothing(event: Any) -> None:
        pass

    async def gone() -> Any:
        return {"type": "websocket.disconnect", "code": 1006}

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await application(scope, receive, send)
            return
        texts = 0

        async def counting(event: Any) -> None:
            nonlocal texts
            await send(event)
            texts += isinstance(event, dict) and event.get("type") == "websocket.send"
            if texts == 3:
                calls.start_soon(application, scope, gone, nothing)  # type: ignore[arg-type]

        async with anyio.create_task_group() as calls:
            await application(scope, receive, counting)
            calls.cancel_scope.cancel()

    return faulty


_last: dict[str, Any] = {}


@scope_fault("websocket-scope-left-behind", "websocket.scope-per-connection.separate", kind="websocket")
def _(scope: Any) -> None:
    global _last
    for key, value in _last.items():
        scope.setdefault(key, value)
    _last = scope


# --- the types and values of the scope --------------------------------------------------------------------------------

Change = Callable[[Any], Any]


def _id(name: str) -> str:
    """Return a requirement's id, of which that of the scope may go without its beginning."""
    return name if name.startswith("rfc") else SCOPE + name


def _with(key: str, name: str, requirement: str, change: Change, *also: str) -> None:
    """Declare that a key has what ``change`` makes of its value."""

    @scope_fault(f"websocket-{name}", SCOPE + requirement, *map(_id, also), kind="websocket")
    def _(scope: Any) -> None:
        scope[key] = change(scope[key])


def _paths(name: str, requirement: str, change: Callable[[Any], str], *also: str) -> None:
    @scope_fault(f"websocket-{name}", SCOPE + requirement, *map(_id, also), kind="websocket")
    def _(scope: Any) -> None:
        scope["path"] = change(scope)


def _pair(place: int, value: Any) -> Change:
    """Return what puts another value in one place of a pair."""
    return lambda pair: pair and [value(part) if at == place else part for at, part in enumerate(pair)]


def _end(key: str) -> None:
    host, port = f"{key}.host", f"{key}.port"
    unix = ("server.unix",) if key == "server" else ()
    _with(key, f"{key}-port-str", f"{key}.type", _pair(1, str), port, *unix)
    _with(key, f"{key}-host-unspecified", host, _pair(0, lambda _: "0.0.0.0"), *unix)
    _with(key, f"{key}-port-zero", port, _pair(1, lambda _: 0), *unix)


for _key in ("type", "path", "http_version", "scheme", "root_path"):
    _with(_key, f"{_key}-subclass", f"{_key.replace('_', '-')}.type", Text)
for _key in ("raw_path", "query_string"):
    _with(_key, f"{_key}-bytearray", f"{_key.replace('_', '-')}.type", bytearray)
for _key in ("client", "server"):
    _end(_key)
_with("type", "type-wrong", "type.value", lambda _: "websockets")
_with("asgi", "asgi-version-float", "asgi-version.type", lambda asgi: {**asgi, "version": 3.0})
_with(
    "asgi",
    "spec-version-subclass",
    "spec-version.type",
    lambda asgi: {**asgi, "spec_version": Text(asgi["spec_version"])},
)
_with("asgi", "spec-version-of-another-list", "spec-version.value", lambda asgi: {**asgi, "spec_version": "3.0"})
_with("http_version", "http-version-always-2", "http-version.value", lambda _: "2", "http-version.default")
_with("scheme", "scheme-of-http", "scheme.value", lambda _: "http", "scheme.default")
_with("scheme", "scheme-empty", "scheme.not-empty", lambda _: "", "scheme.*")
_with("raw_path", "raw-path-empty", "raw-path.value", lambda _: b"", "raw-path.root-path")
_with(
    "query_string",
    "query-string-with-question-mark",
    "query-string.value",
    lambda query: b"?" + query,
    "query-string.*",
)
_with(
    "query_string",
    "query-string-decoded",
    "query-string.raw",
    lambda query: unquote_to_bytes(query.replace(b"+", b" ")),
)
_with("query_string", "query-string-none", "query-string.default", lambda _: None, "query-string.*")
_with("root_path", "root-path-invented", "root-path.value", lambda _: "/invented", "root-path.default")
_with(
    "subprotocols",
    "subprotocols-bytes",
    "subprotocols.type",
    lambda names: [name.encode() for name in names],
    "subprotocols.*",
    "rfc6455.subprotocol.several-headers",
)
_with(
    "subprotocols",
    "subprotocols-in-one",
    "subprotocols.value",
    lambda names: [", ".join(names)] if names else [],
    "subprotocols.*",
    "rfc6455.subprotocol.several-headers",
)
_with("subprotocols", "subprotocols-sorted", "subprotocols.order", sorted)
_with("subprotocols", "subprotocols-none", "subprotocols.default", lambda names: names or None)
_with("state", "state-no-dict", "state.type", NoDict)
_with("state", "state-empty", "state.value", lambda _: {})


@scope_fault(
    "websocket-subprotocols-empty",
    SCOPE + "subprotocols.value",
    SCOPE + "subprotocols.*",
    "rfc6455.subprotocol.several-headers",
    kind="websocket",
)
def _(scope: Any) -> None:
    scope["subprotocols"] = []


_shared: dict[Any, Any] = {}


@scope_fault("websocket-state-shared", SCOPE + "state.copy", kind="websocket")
def _(scope: Any) -> None:
    _shared.update(scope["state"])
    scope["state"] = _shared


@scope_fault("websocket-raw-path-under-root-path", SCOPE + "raw-path.root-path", kind="websocket")
def _(scope: Any) -> None:
    scope["raw_path"] = scope["root_path"].encode() + scope["raw_path"]


@scope_fault("websocket-root-path-left-out", SCOPE + "root-path.default", SCOPE + "root-path.value", kind="websocket")
def _(scope: Any) -> None:
    if scope["root_path"]:
        del scope["root_path"]


@scope_fault(
    "websocket-path-missing",
    SCOPE + "path.present",
    SCOPE + "path.*",
    SCOPE + "root-path.prefix-of-path",
    "websocket.scope-per-connection.separate",
    kind="websocket",
)
def _(scope: Any) -> None:
    del scope["path"]


ENCODED = ("path.decoded", "path.encoded-*", "path.utf8")
_paths("path-not-decoded", "path.decoded", lambda scope: scope["root_path"] + scope["raw_path"].decode(), *ENCODED)
_paths("path-plus-decoded", "path.decoded", lambda scope: scope["path"].replace("+", " "))
_paths("path-decoded-twice", "path.decoded", lambda scope: unquote(scope["path"]))
_paths(
    "path-controls-encoded",
    "path.encoded-control",
    lambda scope: "".join(quote(char) if char < " " else char for char in scope["path"]),
)
_paths(
    "path-latin-1",
    "path.utf8",
    lambda scope: scope["root_path"] + unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
)
_paths(
    "path-slash-encoded",
    "path.encoded-slash",
    lambda scope: "%2F".join(map(unquote, scope["raw_path"].decode().replace("%2f", "%2F").split("%2F"))),
    "root-path.prefix-of-path",
)
_paths("path-normalised", "path.segments", lambda scope: posixpath.normpath(scope["path"]).replace("//", "/"))
_paths("path-without-parameters", "path.segments", lambda scope: scope["path"].partition(";")[0])
_paths(
    "path-without-root-path", "root-path.prefix-of-path", lambda scope: scope["path"].removeprefix(scope["root_path"])
)


@scope_fault(
    "websocket-path-with-query",
    SCOPE + "path.without-query",
    SCOPE + "path.*",
    SCOPE + "root-path.prefix-of-path",
    "websocket.scope-per-connection.separate",
    kind="websocket",
)
def _(scope: Any) -> None:
    scope["path"] += "?" + scope["query_string"].decode("latin-1")


@fault("websocket-path-not-utf8-never-answered", SCOPE + "path.not-utf8", suite="websocket")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and "\ufffd" in scope["path"]:
            await anyio.sleep_forever()
        await application(scope, receive, send)

    return faulty


HEADERS = SCOPE + "headers."


def _fields(name: str, requirement: str, change: Callable[[list[Any]], list[Any]], *also: str) -> None:
    @scope_fault(f"websocket-{name}", requirement, *also, kind="websocket")
    def _(scope: Any) -> None:
        scope["headers"] = change(scope["headers"])


def _joined(headers: list[Any]) -> list[Any]:
    joined: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        joined.setdefault(name, []).append(value)
    return [[name, b", ".join(values)] for name, values in joined.items()]


def _each(change: Callable[[bytes, bytes], list[Any]]) -> Callable[[list[Any]], list[Any]]:
    """Return what changes every field but the one by which calls are told apart."""
    return lambda headers: [[*pair] if pair[0] == b"host" else change(*pair) for pair in headers]


_fields(
    "handshake-fields-left-out",
    HEADERS + "present",
    lambda headers: [pair for pair in headers if pair[0] not in (b"upgrade", b"sec-websocket-version")],
)
_fields(
    "header-values-bytearray",
    HEADERS + "type",
    _each(lambda name, value: [name, bytearray(value)]),
    HEADERS + "*",
    "rfc6455.handshake.unknown-headers",
)
_fields(
    "header-values-padded",
    HEADERS + "exact",
    _each(lambda name, value: [name, value + b" "]),
    HEADERS + "*",
    "rfc6455.handshake.unknown-headers",
)
_fields(
    "header-values-as-utf8",
    HEADERS + "non-ascii",
    _each(lambda name, value: [name, value.decode("latin-1").encode()]),
)
_fields("header-values-reversed", HEADERS + "order", lambda headers: headers[::-1])
_fields("header-values-joined", HEADERS + "duplicates", _joined)
_fields("header-names-in-title-case", HEADERS + "lowercase", _each(lambda name, value: [name.title(), value]))
_fields(
    "unknown-fields-left-out",
    "rfc6455.handshake.unknown-headers",
    lambda headers: [
        pair for pair in headers if not pair[0].startswith((b"x", b"sec-websocket-probe", b"sec-websocket-key1"))
    ],
    HEADERS + "*",
)


# --- which requests are handshakes ------------------------------------------------------------------------------------


def _handshake_if(name: str, breaks: str, condition: Callable[[Any], bool]) -> None:
    """Declare that a request is a handshake on another condition, if Upgrade and Connection are as they should be."""

    @wire_fault(name, breaks)
    def _() -> None:
        handshake.is_handshake = condition  # type: ignore[assignment]


def _options(request: Any) -> list[bytes]:
    return handshake.members(request, b"connection")


def _asks(request: Any) -> bool:
    return handshake.is_http11(request) and b"upgrade" in wire.connection_options(request.headers)


_is_handshake = handshake.is_handshake
_handshake_if("websocket-upgrade-not-looked-at", "rfc6455.handshake.upgrade.required", _asks)
_handshake_if(
    "websocket-connection-not-looked-at",
    "rfc6455.handshake.connection.required",
    lambda request: (
        handshake.is_http11(request) and b"websocket" in map(bytes.lower, handshake.members(request, b"upgrade"))
    ),
)
_handshake_if(
    "websocket-upgrade-case-sensitive",
    "rfc6455.handshake.upgrade.case",
    lambda request: _asks(request) and b"websocket" in handshake.members(request, b"upgrade"),
)
_handshake_if(
    "websocket-upgrade-alone",
    "rfc6455.handshake.upgrade.list",
    lambda request: _is_handshake(request) and len(handshake.members(request, b"upgrade")) == 1,
)
_handshake_if(
    "websocket-connection-case-sensitive",
    "rfc6455.handshake.connection.case",
    lambda request: _is_handshake(request) and b"Upgrade" in _options(request),
)
_handshake_if(
    "websocket-connection-alone",
    "rfc6455.handshake.connection.list",
    lambda request: _is_handshake(request) and len(_options(request)) == 1,
)


@wire_fault("websocket-any-method", "rfc6455.handshake.method")
def _() -> None:
    handshake.is_get = lambda request: True


@wire_fault("websocket-over-http-1.0", "rfc6455.handshake.http-version")
def _() -> None:
    handshake.is_http11 = lambda request: True


def _refused_if(name: str, breaks: str, condition: Callable[[Any], bool], *also: str) -> None:
    """Declare that some good handshakes are refused."""

    @wire_fault(name, breaks, *also)
    def _() -> None:
        @instead(handshake, "refusal")
        def _(original: Any, request: Any) -> int | None:
            return 400 if condition(request) else original(request)


def _names(request: Any) -> list[bytes]:
    return [name for name, _ in request.headers]


def _out_of_order(request: Any) -> bool:
    names = [name for name in dict.fromkeys(_names(request)) if name in IN_ORDER]
    return names != [name for name in IN_ORDER if name in names]


IN_ORDER = [b"host", b"upgrade", b"connection", b"sec-websocket-key", b"sec-websocket-version"]
SUBPROTOCOLS = (
    "rfc6455.subprotocol.*",
    "websocket.scope.subprotocols.*",
    "websocket.accept.subprotocol.*",
    "websocket.accept.headers.*",
    "websocket.accept.type.type",
)
_refused_if("websocket-fields-in-order", "rfc6455.handshake.order", _out_of_order)
_refused_if(
    "websocket-absolute-form-refused",
    "rfc6455.handshake.absolute-form",
    lambda request: not request.target.startswith(b"/"),
)
_refused_if(
    "websocket-origin-refused",
    "rfc6455.handshake.origin.optional",
    lambda request: b"origin" in _names(request),
    "websocket.scope.headers.exact",
)
_refused_if(
    "websocket-origin-required",
    "rfc6455.handshake.origin.optional",
    lambda request: b"origin" not in _names(request),
    "*",
)
_refused_if(
    "websocket-subprotocols-refused",
    "rfc6455.subprotocol.optional",
    lambda request: b"sec-websocket-protocol" in _names(request),
    *SUBPROTOCOLS,
)
_refused_if(
    "websocket-unknown-extensions-refused",
    "rfc6455.extensions.optional",
    lambda request: (
        handshake.has_sound_lists(request) and any(name != deflate.NAME for name, _ in handshake.extensions(request))
    ),
    "rfc6455.extensions.*",
    "rfc7692.*",
)


@wire_fault(
    "websocket-values-cut-as-unicode-lines", "websocket.scope.headers.exact", "websocket.scope.headers.non-ascii"
)
def _() -> None:
    @instead(Channel, "take")
    def _(original: Any, self: Channel) -> bytes:
        data: bytes = original(self)
        if data.startswith(b"GET "):
            data = b"\r\n".join(re.split(rb"\r\n|[\x0b\x0c\x1c-\x1e\x85](?=X-Injected)", data))
        return data


@wire_fault("websocket-host-not-required", "rfc6455.handshake.host")
def _() -> None:
    @instead(HTTP1, "parse")
    def _(original: Any, self: HTTP1) -> object:
        head, end, rest = bytes(self.channel.incoming).partition(b"\r\n\r\n")
        if self.idle and end and b"upgrade: websocket" in head.lower() and b"\r\nhost:" not in head.lower():
            self.channel.incoming[:] = head + b"\r\nHost: localhost" + end + rest
        return original(self)


@wire_fault("websocket-key-not-looked-at", "rfc6455.handshake.key.required", "rfc6455.handshake.key.*")
def _() -> None:
    handshake.has_key = lambda request: True

    @instead(handshake, "accept_value")
    def _(original: Any, request: Any) -> bytes:
        keys = handshake.values(request, b"sec-websocket-key")
        return bytes(original(request)) if len(keys) == 1 else b"any"


@wire_fault(
    "websocket-version-not-looked-at",
    "rfc6455.version.unsupported.refused",
    "rfc6455.version.unsupported.header",
    "rfc6455.handshake.version.*",
    "rfc6455.handshake.invalid.refused",
)
def _() -> None:
    handshake.has_version = lambda request: True
    handshake.has_other_version = lambda request: False


@wire_fault("websocket-version-not-told", "rfc6455.version.unsupported.header")
def _() -> None:
    handshake.UPGRADE_REQUIRED = [field for field in handshake.UPGRADE_REQUIRED if field[1] != b"13"]


@wire_fault("websocket-malformed-subprotocols-taken", "rfc6455.handshake.invalid.refused")
def _() -> None:
    handshake.subprotocols = lambda request: [
        name.decode("latin-1") for name in handshake.members(request, b"sec-websocket-protocol")
    ]


@wire_fault("websocket-malformed-extensions-ignored", "rfc6455.extensions.malformed", "rfc7692.*")
def _() -> None:
    @instead(handshake, "extensions")
    def _(original: Any, request: Any) -> Any:
        try:
            return original(request)
        except handshake.Malformed:
            return []


def _one_field(name: str, breaks: str, field: bytes, place: slice, *also: str) -> None:
    """Declare that of several fields of one name only some are read."""

    @wire_fault(name, breaks, *also)
    def _() -> None:
        @instead(handshake, "values")
        def _(original: Any, request: Any, wanted: bytes) -> Any:
            found = original(request, wanted)
            return found[place] if wanted == field else found


_one_field(
    "websocket-last-subprotocols-only",
    "rfc6455.subprotocol.several-headers",
    b"sec-websocket-protocol",
    slice(-1, None),
    "websocket.scope.subprotocols.value",
)
_one_field(
    "websocket-first-extensions-only", "rfc6455.extensions.split", b"sec-websocket-extensions", slice(0, 1), "rfc7692.*"
)
_one_field(
    "websocket-last-extensions-only",
    "rfc6455.extensions.split",
    b"sec-websocket-extensions",
    slice(-1, None),
    "rfc7692.*",
)


# --- the response that completes the handshake ------------------------------------------------------------------------


def _answer(name: str, breaks: str, change: Callable[[bytes], bytes], *also: str) -> None:
    """Declare that the response goes out with changed bytes."""

    @wire_fault(name, breaks, *also)
    def _() -> None:
        @instead(handshake, "answer")
        def _(original: Any, *parts: Any) -> bytes:
            return change(original(*parts))


def _lines(change: Callable[[bytes], list[bytes]]) -> Callable[[bytes], bytes]:
    """Return what changes each line, to none, one or several."""

    def changed(answer: bytes) -> bytes:
        return b"\r\n".join(new for line in answer[:-4].split(b"\r\n") for new in change(line)) + b"\r\n\r\n"

    return changed


def _without(name: bytes) -> Callable[[bytes], bytes]:
    return _lines(lambda line: [] if line.startswith(name + b":") else [line])


def _twice(name: bytes) -> Callable[[bytes], bytes]:
    return _lines(lambda line: [line, line] if line.startswith(name + b":") else [line])


def _reversed(answer: bytes) -> bytes:
    status, *fields = answer[:-4].split(b"\r\n")
    return b"\r\n".join([status, *fields[::-1]]) + b"\r\n\r\n"


def _merged(answer: bytes) -> bytes:
    status, *fields = answer[:-4].split(b"\r\n")
    merged: dict[bytes, bytes] = {}
    for field in fields:
        name, _, value = field.partition(b": ")
        own = name.startswith((b"x-", b"set-cookie"))  # those that make the handshake are others' business
        merged[name if own else field] = merged[name] + b", " + value if own and name in merged else field
    return b"\r\n".join([status, *merged.values()]) + b"\r\n\r\n"


_answer(
    "websocket-status-line-cut-short",
    "rfc6455.response.valid",
    lambda answer: answer.replace(b"101 Switching Protocols", b"101", 1),
)
_answer("websocket-accepted-with-200", "rfc6455.response.status", lambda answer: answer.replace(b"101", b"200", 1), "*")
_answer("websocket-without-upgrade", "rfc6455.response.upgrade", _without(b"upgrade"))
_answer("websocket-without-connection", "rfc6455.response.connection", _without(b"connection"))
_answer(
    "websocket-without-accept",
    "rfc6455.response.accept.present",
    _without(b"sec-websocket-accept"),
    "rfc6455.response.accept.*",
)
_answer("websocket-accept-twice", "rfc6455.response.accept.once", _twice(b"sec-websocket-accept"))
_answer(
    "websocket-subprotocol-twice",
    "rfc6455.subprotocol.once",
    _twice(b"sec-websocket-protocol"),
    "rfc6455.subprotocol.several-headers",
    "websocket.accept.subprotocol.value",
)
_answer(
    "websocket-extensions-twice",
    "rfc6455.extensions.once",
    _twice(b"sec-websocket-extensions"),
    "rfc6455.extensions.split",
    "rfc7692.*",
)
_answer("websocket-accept-headers-reversed", "websocket.accept.headers.order", _reversed, "websocket.accept.headers.*")
_answer(
    "websocket-accept-headers-joined", "websocket.accept.headers.duplicates", _merged, "websocket.accept.headers.order"
)


@wire_fault("websocket-accept-of-another-guid", "rfc6455.response.accept.value")
def _() -> None:
    handshake.GUID = handshake.GUID[::-1]


@wire_fault(
    "websocket-extension-unasked", "rfc6455.extensions.not-requested", "rfc6455.extensions.not-listed", "rfc7692.*"
)
def _() -> None:
    @instead(handshake, "answer")
    def _(original: Any, request: Any, subprotocol: Any, extension: Any, headers: Any) -> Any:
        return original(request, subprotocol, extension or deflate.NAME, headers)


@wire_fault("websocket-extensions-echoed", "rfc6455.extensions.registered", "rfc6455.extensions.*", "rfc7692.*")
def _() -> None:
    @instead(handshake, "answer")
    def _(original: Any, request: Any, subprotocol: Any, extension: Any, headers: Any) -> Any:
        asked = handshake.members(request, b"sec-websocket-extensions")
        return original(request, subprotocol, extension or (asked[0] if asked else None), headers)


RESERVED = (
    "rfc6455.response.upgrade",
    "rfc6455.response.accept.*",
    "rfc6455.subprotocol.once",
    "rfc6455.extensions.not-listed",
    "websocket.accept.headers.subprotocol-once",
)


@wire_fault("websocket-reserved-headers-sent", "rfc6455.response.accept.once", *RESERVED)
def _() -> None:
    websocket_events.RESERVED = ()  # type: ignore[assignment]


@wire_fault("websocket-headers-replaced", "rfc6455.response.connection", *RESERVED)
def _() -> None:
    websocket_events.RESERVED = ()  # type: ignore[assignment]

    @instead(wire, "head")
    def _(original: Any, status: int, headers: Any) -> Any:
        last = dict(headers)
        return original(status, [(name, last[name]) for name in last] if status == 101 and _taken(headers) else headers)


def _taken(headers: Any) -> bool:
    return [name for name, _ in headers].count(b"connection") > 1


# --- the first event, and the reply to it -----------------------------------------------------------------------------


@wire_fault("websocket-connect-misnamed", "websocket.connect.type.value", "*")
def _() -> None:
    WebSocket.connect_event = lambda self: {"type": "websocket.connected"}  # type: ignore[method-assign]


@wire_fault("websocket-connect-type-subclass", "websocket.connect.type.type")
def _() -> None:
    WebSocket.connect_event = lambda self: {"type": Text("websocket.connect")}  # type: ignore[method-assign]


@fault("websocket-connect-until-the-reply", "websocket.connect.first", "websocket.disconnect.*", suite="websocket")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        connecting = replied = scope["type"] != "websocket"

        async def connect_again() -> events.Message:
            nonlocal connecting
            if connecting and not replied:
                return {"type": "websocket.connect"}
            connecting = True
            return await receive()

        async def replying(event: events.Message) -> None:
            nonlocal replied
            replied = True
            await send(event)

        await application(scope, connect_again, replying)

    return faulty


@wire_fault("websocket-connect-at-the-end", "websocket.connect.first", "*")
def _() -> None:
    WebSocket.disconnect_event = lambda self, end: {"type": "websocket.connect"}  # type: ignore[method-assign]


@wire_fault(
    "websocket-processing-reported",
    "websocket.connect.handshake-waits",
    "websocket.connect.during-handshake",
    "rfc6455.response.valid",
)
def _() -> None:
    @instead(WebSocket, "build_scope")
    def _(original: Any, self: WebSocket) -> Any:
        self.channel.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        return original(self)


@wire_fault("websocket-early-messages-received", "websocket.connect.no-receive-before-reply")
def _() -> None:
    @instead(WebSocket, "next_event")
    def _(original: Any, self: WebSocket) -> Any:
        if self.connect_received and self.expected is CONNECTING and self.channel.incoming:
            early = FrameReader()
            early.feed(self.channel.take())
            while (piece := early.next_piece()) is not None:
                message = self.assembler.add(piece)
                if message is not None:
                    return self.receive_event(message)
        return original(self)


@wire_fault(
    "websocket-any-reply-accepts",
    "websocket.connect.other-reply.no-effect",
    "websocket.connect.other-reply.raises",
    "core.send.*",
    "websocket.send.*",
)
def _() -> None:
    @instead(WebSocket, "send")
    async def _(original: Any, self: WebSocket, event: Any) -> None:
        kind = event.get("type") if isinstance(event, dict) else None
        if self.expected is CONNECTING and not self.is_closed and isinstance(kind, str) and kind not in CONNECTING:
            self.accept(Accept(None, []))
            await self.flush()
        else:
            await original(self, event)


def _denied_with(name: str, status: int, breaks: str, *also: str) -> None:
    @wire_fault(name, breaks, *also)
    def _() -> None:
        @instead(HTTP1, "answer_error")
        def _(original: Any, self: HTTP1, given: int, *rest: Any, **more: Any) -> None:
            original(self, status if given == 403 else given, *rest, **more)


_denied_with("websocket-denied-with-404", 404, "websocket.connect.denied", "websocket.close.before-accept.status")
_denied_with(
    "websocket-denied-with-200",
    200,
    "rfc6455.response.declined",
    "websocket.connect.denied",
    "websocket.close.before-accept.status",
)


@wire_fault(
    "websocket-denial-can-be-taken-back",
    "websocket.close.before-accept.no-handshake",
    "websocket.close.before-accept.status",
    "websocket.disconnect.*",
    "websocket.send-after-close.*",
)
def _() -> None:
    taken: set[WebSocket] = set()

    @instead(WebSocket, "send")
    async def _(original: Any, self: WebSocket, event: Any) -> None:
        if self in taken and not self.is_closed and not self.accepted:
            self.accept(Accept(None, []))
            await self.flush()
        elif isinstance(event, dict) and event.get("type") == "websocket.close" and self.expected is CONNECTING:
            self.check(event)
            taken.add(self)
        else:
            await original(self, event)

    @instead(WebSocket, "on_unanswered")
    def _(original: Any, self: WebSocket) -> None:
        if self in taken:
            self.connection.answer_error(403)
        else:
            original(self)


# --- websocket.accept -------------------------------------------------------------------------------------------------


@wire_fault("websocket-accept-misnamed", "websocket.accept.type.value", "*")
def _() -> None:
    websocket_events.READERS["websocket.accepted"] = websocket_events.READERS.pop("websocket.accept")


def _after_accepting(name: str, breaks: str) -> None:
    """Declare that the connection ends where it should be open: with nothing of a response, or right after it."""

    @wire_fault(name, breaks, "*")
    def _() -> None:
        @instead(WebSocket, "accept")
        def _(original: Any, self: WebSocket, message: Any) -> None:
            if breaks.startswith("rfc"):
                original(self, message)
            else:
                self.finish()
            self.channel.end()


_after_accepting("websocket-closed-in-place-of-accepting", "websocket.accept.completes")
_after_accepting("websocket-closed-after-accepting", "rfc6455.handshake.data-after")


@wire_fault("websocket-accepted-again", "websocket.accept.once", "core.send.*")
def _() -> None:
    @instead(WebSocket, "send")
    async def _(original: Any, self: WebSocket, event: Any) -> None:
        if self.accepted and isinstance(event, dict) and event.get("type") == "websocket.accept":
            self.channel.write(handshake.answer(self.request, None, None, []))
            await self.flush()
        else:
            await original(self, event)


@wire_fault("websocket-any-type-accepts", "websocket.accept.type.type", "websocket.*.type.type", "core.send.*")
def _() -> None:
    @instead(websocket_events, "check")
    def _(original: Any, event: Any, expected: Any) -> Any:
        if isinstance(event, dict) and "type" in event and not isinstance(event["type"], str):
            event = {**event, "type": "websocket.accept"}
        return original(event, expected)


def _accept_read(name: str, breaks: str, change: Callable[[Any, Any], Any], *also: str) -> None:
    """Declare that an accept is read in another way: ``change`` is given the original and the event."""

    @wire_fault(name, breaks, *also)
    def _() -> None:
        original = websocket_events.READERS["websocket.accept"]
        websocket_events.READERS["websocket.accept"] = lambda event: change(original, event)


def _lenient(original: Any, event: Any) -> Any:
    try:
        return original(event)
    except (TypeError, ValueError):
        return original({**event, "headers": []})


def _only_lists(original: Any, event: Any) -> Any:
    if not isinstance(event.get("headers", []), list):
        raise TypeError("headers that are no list")
    return original(event)


def _subprotocol_lenient(original: Any, event: Any) -> Any:
    given = event.get("subprotocol")
    return original({**event, "subprotocol": given if isinstance(given, str) else None})


def _announced(original: Any, event: Any) -> Any:
    return original(event if "headers" in event else {**event, "headers": [[b"x-probe", b"none"]]})


ACCEPT_HEADERS = "websocket.accept.headers.*"
_accept_read("websocket-wrong-accept-headers-dropped", "websocket.accept.headers.type", _lenient)
_accept_read(
    "websocket-accept-headers-dropped",
    "websocket.accept.headers.exact",
    lambda original, event: original(event)._replace(headers=[]),
    "websocket.accept.headers.shape",
    "websocket.accept.headers.order",
    "websocket.accept.headers.duplicates",
)
_accept_read(
    "websocket-accept-headers-lists-only",
    "websocket.accept.headers.shape",
    _only_lists,
    "websocket.accept.headers.type",
)
_accept_read("websocket-accept-headers-made-up", "websocket.accept.headers.default", _announced)
_accept_read("websocket-wrong-subprotocol-dropped", "websocket.accept.subprotocol.type", _subprotocol_lenient)


@wire_fault(
    "websocket-line-breaks-sent",
    "websocket.accept.headers.no-injection",
    "websocket.accept.headers.pseudo",
    "websocket.denial.no-injection",
)
def _() -> None:
    @instead(events, "header")
    def _(original: Any, pair: Any) -> Any:
        if len(pair) == 2 and all(isinstance(part, bytes) for part in pair):
            return pair[0].lower(), pair[1]
        return original(pair)


@wire_fault(
    "websocket-any-subprotocol",
    "rfc6455.subprotocol.from-offer",
    "rfc6455.subprotocol.none-offered",
    "rfc6455.subprotocol.not-empty",
    "websocket.accept.subprotocol.type",
)
def _() -> None:
    WebSocket.check_subprotocol = lambda self, subprotocol: None  # type: ignore[method-assign]


def _choosing(name: str, breaks: str, choose: Callable[[list[str], str | None], str | None], *also: str) -> None:
    @wire_fault(name, breaks, *also)
    def _() -> None:
        @instead(WebSocket, "accept")
        def _(original: Any, self: WebSocket, message: Accept) -> None:
            original(self, message._replace(subprotocol=choose(self.offered, message.subprotocol)))


_choosing(
    "websocket-subprotocol-chosen-by-the-server",
    "rfc6455.subprotocol.none-chosen",
    lambda offered, chosen: chosen or (offered[0] if offered else None),
    "websocket.accept.subprotocol.default",
)
_choosing(
    "websocket-another-subprotocol-chosen",
    "websocket.accept.subprotocol.value",
    lambda offered, chosen: chosen and [*offered, *offered][offered.index(chosen) + 1],
    "rfc6455.subprotocol.several-headers",
)


# --- denial responses -------------------------------------------------------------------------------------------------

DENIAL = "websocket.denial."


def _denial_read(name: str, breaks: str, change: Callable[[Any, Any], Any], *also: str, part: str = "start") -> None:
    """Declare that the start or body of a denial is read in another way: ``change`` has the original and the event."""

    @wire_fault(name, DENIAL + breaks, *(DENIAL + other for other in also))
    def _() -> None:
        kind = f"websocket.http.response.{part}"
        original = websocket_events.READERS[kind]
        websocket_events.READERS[kind] = lambda event: change(original, event)


def _any_start(original: Any, event: Any) -> Any:
    try:
        return original(event)
    except (TypeError, ValueError):
        return original(denial_start())


def denial_start() -> dict[str, Any]:
    """Return a start that is in order."""
    return {"type": "websocket.http.response.start", "status": 403}


def _with_body_only(original: Any, event: Any) -> Any:
    if "body" not in event:
        raise ValueError("a body without body")
    return original(event)


_denial_read(
    "websocket-denial-status-off-by-one",
    "start.status",
    lambda original, event: (start := original(event))._replace(
        status=start.status + (1 if start.status < 599 else -1)
    ),
    "sent",
    "start.headers.default",
    "followed.no-effect",
)
_denial_read(
    "websocket-denial-headers-dropped",
    "start.headers",
    lambda original, event: original(event)._replace(headers=[]),
    "sent",
)
_denial_read("websocket-denial-wrong-start-taken", "start.types", _any_start)
_denial_read(
    "websocket-denial-body-lengthened",
    "body.concatenated",
    lambda original, event: (body := original(event))._replace(body=body.body + b"!"),
    "body.*",
    "sent",
    "start.headers.default",
    part="body",
)
_denial_read("websocket-denial-body-required", "body.default", _with_body_only, part="body")
_denial_read(
    "websocket-denial-one-body-only",
    "body.more-body",
    lambda original, event: original(event)._replace(more_body=False),
    "body.*",
    part="body",
)


def _kept_open() -> None:
    @instead(Denial, "connection_headers")
    def _(original: Any, self: Denial, headers: Any) -> Any:
        return []


@wire_fault("websocket-denial-persistent", "websocket.denial.closes")
def _() -> None:
    _kept_open()

    @instead(WebSocket, "finish")
    def _(original: Any, self: WebSocket) -> None:
        self.persistent = self.denial is not None and self.denial.complete
        original(self)


@wire_fault(
    "websocket-denial-followed-by-anything",
    "websocket.denial.followed.no-effect",
    "websocket.denial.followed.raises",
    "websocket.send-after-close.*",
    "core.send.*",
)
def _() -> None:
    _kept_open()

    @instead(WebSocket, "send")
    async def _(original: Any, self: WebSocket, event: Any) -> None:
        kind = event.get("type") if isinstance(event, dict) else None
        if self.denial is None or kind == "websocket.http.response.body":
            await original(self, event)
            return
        message = websocket_events.check(event, [*websocket_events.READERS])
        if isinstance(message, Accept):
            self.channel.write(handshake.answer(self.request, None, None, []))
        elif isinstance(message, websocket_events.Data):
            self.write_message(message)
        else:
            self.connection.answer_error(403)
        await self.flush()


def _ignored(name: str, breaks: str, condition: Callable[[WebSocket, str], bool], *also: str) -> None:
    """Declare that some events which cannot come are ignored."""

    @wire_fault(name, breaks, *also)
    def _() -> None:
        @instead(WebSocket, "send")
        async def _(original: Any, self: WebSocket, event: Any) -> None:
            kind = event.get("type") if isinstance(event, dict) else None
            if not (isinstance(kind, str) and condition(self, kind)):
                await original(self, event)


_ignored(
    "websocket-ignored-after-a-denial",
    "websocket.denial.followed.raises",
    lambda socket, kind: socket.denial is not None and not kind.startswith("websocket.http."),
    "core.send.*",
    "websocket.send-after-close.*",
)
_ignored(
    "websocket-denial-ignored-after-accepting",
    "websocket.denial.after-accept",
    lambda socket, kind: socket.accepted and kind.startswith("websocket.http."),
    "core.send.*",
)
