"""Faults in the scope."""

from __future__ import annotations

import posixpath
from collections import UserDict
from enum import Enum
from typing import Any
from urllib.parse import quote, quote_from_bytes, unquote, unquote_to_bytes

import anyio

from asgi_conformance.servers.reference.events import Application, Receive, Scope, Send
from asgi_conformance.servers.reference.faults.registry import fault, scope_fault


class Text(str):
    """A str that is not exactly one."""


class NoDict(UserDict[Any, Any]):
    """A mapping that is no dict."""


class Member(str, Enum):
    """Strings as members of an enumeration."""

    HTTP = "http"


# --- the dictionary ---------------------------------------------------------------------------------------------------


@scope_fault("scope-no-dict", "core.scope.is-dict")
def _(scope: Any) -> Any:
    return NoDict(scope)


@scope_fault("scope-key-int", "core.scope.keys-unicode")
def _(scope: Any) -> None:
    scope[1] = "one"


@scope_fault(
    "scope-type-missing", "core.scope.type.present", "core.scope.type.type", "http.scope.type.*", "core.strings.str"
)
def _(scope: Any) -> None:
    del scope["type"]


@scope_fault("scope-type-enum", "core.scope.type.type", "http.scope.type.type", "core.strings.exact")
def _(scope: Any) -> None:
    scope["type"] = Member.HTTP


@scope_fault("scope-type-subclass", "http.scope.type.type", "core.scope.type.type", "core.strings.exact")
def _(scope: Any) -> None:
    scope["type"] = Text("http")


@scope_fault("scope-type-wrong", "http.scope.type.value")
def _(scope: Any) -> None:
    scope["type"] = "https"


@scope_fault("asgi-no-dict", "core.scope.asgi.present")
def _(scope: Any) -> None:
    scope["asgi"] = NoDict(scope["asgi"])


@scope_fault(
    "asgi-version-missing",
    "core.scope.asgi.version.present",
    "core.scope.asgi.version.value",
    "http.scope.asgi-version.type",
)
def _(scope: Any) -> None:
    del scope["asgi"]["version"]


@scope_fault("asgi-version-old", "core.scope.asgi.version.value")
def _(scope: Any) -> None:
    scope["asgi"]["version"] = "2.0"


@scope_fault("asgi-version-float", "http.scope.asgi-version.type", "core.scope.asgi.version.value")
def _(scope: Any) -> None:
    scope["asgi"]["version"] = 3.0


@scope_fault("spec-version-subclass", "http.scope.spec-version.type", "core.strings.exact")
def _(scope: Any) -> None:
    scope["asgi"]["spec_version"] = Text(scope["asgi"]["spec_version"])


@scope_fault("spec-version-of-another-list", "http.scope.spec-version.value")
def _(scope: Any) -> None:
    scope["asgi"]["spec_version"] = "3.0"


@scope_fault("extensions-list", "core.extensions.is-dict")
def _(scope: Any) -> None:
    scope["extensions"] = []


@scope_fault("extension-name-bytes", "core.extensions.name.type", "core.scope.keys-unicode")
def _(scope: Any) -> None:
    scope["extensions"] = {b"probe": {}}


@scope_fault("extension-value-none", "core.extensions.value.is-dict")
def _(scope: Any) -> None:
    scope["extensions"] = {"probe": None}


# --- the types of keys ------------------------------------------------------------------------------------------------


def _subclass(key: str, requirement: str) -> None:
    @scope_fault(f"{key}-subclass", requirement, "core.strings.exact")
    def change(scope: Any) -> None:
        scope[key] = Text(scope[key])


for _key in ("http_version", "method", "scheme", "path", "root_path"):
    _subclass(_key, f"http.scope.{_key.replace('_', '-')}.type")


@scope_fault("method-bytes", "core.strings.str", "http.scope.method.*", "http.scope-per-request.kept-alive")
def _(scope: Any) -> None:
    scope["method"] = scope["method"].encode()


@scope_fault("raw-path-bytearray", "http.scope.raw-path.type", "core.strings.bytes")
def _(scope: Any) -> None:
    scope["raw_path"] = bytearray(scope["raw_path"])


@scope_fault("raw-path-str", "core.strings.bytes", "http.scope.raw-path.*")
def _(scope: Any) -> None:
    scope["raw_path"] = scope["raw_path"].decode("latin-1")


@scope_fault("query-string-bytearray", "http.scope.query-string.type", "core.strings.bytes")
def _(scope: Any) -> None:
    scope["query_string"] = bytearray(scope["query_string"])


@scope_fault("header-values-bytearray", "http.scope.headers.type", "core.strings.bytes")
def _(scope: Any) -> None:
    scope["headers"] = [[name, bytearray(value)] for name, value in scope["headers"]]


@scope_fault("client-port-str", "http.scope.client.type", "http.scope.client.port")
def _(scope: Any) -> None:
    if scope["client"]:
        scope["client"] = [scope["client"][0], str(scope["client"][1])]


@scope_fault("server-port-str", "http.scope.server.type", "http.scope.server.*")
def _(scope: Any) -> None:
    scope["server"] = [scope["server"][0], str(scope["server"][1])]


@scope_fault("state-no-dict", "http.scope.state.type")
def _(scope: Any) -> None:
    scope["state"] = NoDict(scope["state"])


def _missing(key: str, *also: str) -> None:
    requirement = key.replace("_", "-")

    @scope_fault(f"{key}-missing", f"http.scope.{requirement}.present", f"http.scope.{requirement}.*", *also)
    def change(scope: Any) -> None:
        del scope[key]


_missing("http_version", "core.strings.str")
_missing("method", "core.strings.str", "http.scope-per-request.kept-alive")
_missing(
    "path",
    "http.scope.root-path.prefix-of-path",
    "core.strings.str",
    "core.application.once-per-connection",
    "http.scope-per-request.kept-alive",
    "http.transfer-encoding.inbound",
    "rfc9112.pipelining.order",
)
_missing("query_string", "http.scope-per-request.kept-alive", "rfc9112.absolute-form")


@scope_fault("headers-missing", "http.scope.headers.present", "*")  # calls are told apart by the host field
def _(scope: Any) -> None:
    del scope["headers"]


# --- values -----------------------------------------------------------------------------------------------------------


@scope_fault("http-version-always-2", "http.scope.http-version.value")
def _(scope: Any) -> None:
    scope["http_version"] = "2"


@scope_fault(
    "method-always-link", "http.scope.method.value", "http.scope.method.*", "http.scope-per-request.kept-alive"
)
def _(scope: Any) -> None:
    scope["method"] = "LINK"


@scope_fault(
    "method-as-received", "http.scope.method.uppercase", "http.scope.method.*", "http.scope-per-request.kept-alive"
)
def _(scope: Any) -> None:
    scope["method"] = scope["method"].lower()


@scope_fault("scheme-https", "http.scope.scheme.value", "http.scope.scheme.default")
def _(scope: Any) -> None:
    scope["scheme"] = "https"


@scope_fault("scheme-empty", "http.scope.scheme.not-empty", "http.scope.scheme.*")
def _(scope: Any) -> None:
    scope["scheme"] = ""


PATHS = ("http.scope.path.*", "http.scope.root-path.prefix-of-path")


@scope_fault(
    "path-with-query",
    "http.scope.path.without-query",
    *PATHS,
    "core.application.once-per-connection",
    "http.scope-per-request.kept-alive",
    "http.transfer-encoding.inbound",
    "rfc9112.pipelining.order",
)
def _(scope: Any) -> None:
    scope["path"] += "?" + scope["query_string"].decode("latin-1")


@scope_fault("path-not-decoded", "http.scope.path.decoded", "http.scope.path.encoded-*", "http.scope.path.utf8")
def _(scope: Any) -> None:
    scope["path"] = scope["root_path"] + scope["raw_path"].decode("latin-1")


@scope_fault("path-plus-decoded", "http.scope.path.decoded")
def _(scope: Any) -> None:
    scope["path"] = scope["path"].replace("+", " ")


@scope_fault("path-decoded-twice", "http.scope.path.decoded")
def _(scope: Any) -> None:
    scope["path"] = unquote(scope["path"])


@scope_fault(
    "path-in-capitals",
    "http.scope.path.decoded",
    *PATHS,
    "http.scope-per-request.kept-alive",
    "http.transfer-encoding.inbound",
)
def _(scope: Any) -> None:
    scope["path"] = scope["path"].upper()


@scope_fault("path-slash-encoded", "http.scope.path.encoded-slash")
def _(scope: Any) -> None:
    pieces = scope["raw_path"].replace(b"%2f", b"%2F").split(b"%2F")
    scope["path"] = scope["root_path"] + "%2F".join(
        unquote(piece.decode("latin-1"), errors="replace") for piece in pieces
    )


@scope_fault("path-controls-encoded", "http.scope.path.encoded-control")
def _(scope: Any) -> None:
    scope["path"] = "".join(quote(char) if char < " " or char == "\x7f" else char for char in scope["path"])


@scope_fault("path-latin-1", "http.scope.path.utf8")
def _(scope: Any) -> None:
    scope["path"] = scope["root_path"] + unquote_to_bytes(scope["raw_path"]).decode("latin-1")


@fault("path-not-utf8-never-answered", "http.scope.path.not-utf8")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "\ufffd" in scope["path"]:
            await anyio.sleep_forever()
        await application(scope, receive, send)

    return faulty


@scope_fault("path-normalised", "http.scope.path.segments")
def _(scope: Any) -> None:
    scope["path"] = posixpath.normpath(scope["path"]).replace("//", "/")


@scope_fault("path-without-parameters", "http.scope.path.segments", "http.scope.path.decoded")
def _(scope: Any) -> None:
    scope["path"] = scope["path"].partition(";")[0]


@scope_fault("path-encoded-again", "http.scope.path.segments", *PATHS)
def _(scope: Any) -> None:
    scope["path"] = quote(scope["path"], safe="/")


@scope_fault("path-cut-off", "http.scope.path.segments")
def _(scope: Any) -> None:
    scope["path"] = scope["path"][:1000]


@scope_fault("raw-path-empty", "http.scope.raw-path.value", "http.scope.raw-path.root-path")
def _(scope: Any) -> None:
    scope["raw_path"] = b""


@scope_fault("raw-path-under-root-path", "http.scope.raw-path.root-path")
def _(scope: Any) -> None:
    scope["raw_path"] = scope["root_path"].encode() + scope["raw_path"]


@scope_fault("raw-path-re-encoded", "http.scope.raw-path.value", "http.scope.raw-path.root-path")
def _(scope: Any) -> None:
    scope["raw_path"] = quote(scope["path"]).encode()


@scope_fault("query-string-in-raw-path", "http.scope.raw-path.value")
def _(scope: Any) -> None:
    if scope["query_string"]:
        scope["raw_path"] += b"?" + scope["query_string"]


QUERIES = ("http.scope.query-string.*", "http.scope-per-request.kept-alive", "rfc9112.absolute-form")


@scope_fault("query-string-with-question-mark", "http.scope.query-string.value", *QUERIES)
def _(scope: Any) -> None:
    scope["query_string"] = b"?" + scope["query_string"]


@scope_fault("query-string-decoded", "http.scope.query-string.raw")
def _(scope: Any) -> None:
    scope["query_string"] = unquote_to_bytes(scope["query_string"].replace(b"+", b" "))


@scope_fault("query-string-encoded-again", "http.scope.query-string.raw", *QUERIES)
def _(scope: Any) -> None:
    scope["query_string"] = quote_from_bytes(scope["query_string"], safe="").encode()


@scope_fault("root-path-invented", "http.scope.root-path.value", "http.scope.root-path.*")
def _(scope: Any) -> None:
    scope["root_path"] = "/invented"


@scope_fault("root-path-left-out", "http.scope.root-path.default", "http.scope.root-path.*")
def _(scope: Any) -> None:
    del scope["root_path"]


@scope_fault("path-without-root-path", "http.scope.root-path.prefix-of-path")
def _(scope: Any) -> None:
    scope["path"] = scope["path"].removeprefix(scope["root_path"])


@scope_fault("client-host-unspecified", "http.scope.client.host")
def _(scope: Any) -> None:
    scope["client"] = scope["client"] and ["0.0.0.0", scope["client"][1]]


@scope_fault("client-port-zero", "http.scope.client.port")
def _(scope: Any) -> None:
    scope["client"] = scope["client"] and [scope["client"][0], 0]


@scope_fault("server-host-unspecified", "http.scope.server.host", "http.scope.server.unix")
def _(scope: Any) -> None:
    scope["server"] = ["0.0.0.0", scope["server"][1]]


@scope_fault("server-port-zero", "http.scope.server.port", "http.scope.server.unix")
def _(scope: Any) -> None:
    scope["server"] = [scope["server"][0], 0]


# --- headers ----------------------------------------------------------------------------------------------------------

HEADERS = ("http.scope.headers.*", "http.cookies.request-exact")


def _own(name: bytes) -> bool:
    return name.lower().startswith(b"x") or name.lower() in (b"accept", b"cookie")


@scope_fault("header-values-padded", "http.scope.headers.exact", *HEADERS)
def _(scope: Any) -> None:
    scope["headers"] = [[name, value + b" " if _own(name) else value] for name, value in scope["headers"]]


@scope_fault("header-values-as-utf8", "http.scope.headers.non-ascii")
def _(scope: Any) -> None:
    scope["headers"] = [[name, value.decode("latin-1").encode()] for name, value in scope["headers"]]


@scope_fault("header-values-reversed", "http.scope.headers.order", "http.scope.headers.duplicates")
def _(scope: Any) -> None:
    scope["headers"] = scope["headers"][::-1]


@scope_fault("header-values-joined", "http.scope.headers.duplicates")
def _(scope: Any) -> None:
    joined: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        joined.setdefault(name, []).append(value)
    scope["headers"] = [[name, b", ".join(values)] for name, values in joined.items()]


@scope_fault("header-names-titled", "http.scope.headers.lowercase")
def _(scope: Any) -> None:
    scope["headers"] = [[name.title(), value] for name, value in scope["headers"]]


@scope_fault("cookie-encoded", "http.cookies.request-exact")
def _(scope: Any) -> None:
    scope["headers"] = [
        [name, value.replace(b"=", b"%3D") if name == b"cookie" else value] for name, value in scope["headers"]
    ]


# --- life -------------------------------------------------------------------------------------------------------------


@fault("scope-leaks", "http.scope-per-request.kept-alive")
def _(application: Application) -> Application:
    left: dict[Any, Any] = {}

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        before = set(scope)
        for key, value in left.items():
            scope.setdefault(key, value)
        try:
            await application(scope, receive, send)
        finally:
            if scope["type"] == "http":
                left.update({key: scope[key] for key in set(scope) - before})

    return faulty


@scope_fault("state-empty", "http.scope.state.value")
def _(scope: Any) -> None:
    scope["state"] = {}


@scope_fault("state-deep-copy", "http.scope.state.value")
def _(scope: Any) -> None:
    scope["state"] = {key: list(value) if isinstance(value, list) else value for key, value in scope["state"].items()}
    _kept.append(scope["state"])  # so that no two copies have the same identity, one after the other


_kept: list[Any] = []


@scope_fault("state-shared", "http.scope.state.copy")
def _(scope: Any) -> None:
    if not _shared:
        _shared.append(scope["state"])
    scope["state"] = _shared[0]


_shared: list[Any] = []
