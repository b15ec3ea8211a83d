"""Faults on an HTTP/1.1 connection."""

from __future__ import annotations

import anyio
import h11

from asgi_conformance.servers.reference import wire
from asgi_conformance.servers.reference.events import Headers, Start
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import server_fault
from asgi_conformance.servers.reference.http1 import HTTP1


@server_fault("more-than-its-length", "rfc9112.content-length.delimits")
def _() -> None:
    original = Exchange.frame_body

    def frame_body(self: Exchange, body: bytes, last: bool) -> list[bytes]:
        if self.remaining is not None and not self.bodiless and len(body) > self.remaining:
            self.remaining = 0
            return [body]
        return original(self, body, last)

    Exchange.frame_body = frame_body  # type: ignore[method-assign]


@server_fault("short-body-left-open", "rfc9112.incomplete.close")
def _() -> None:
    original = Exchange.frame_body

    def frame_body(self: Exchange, body: bytes, last: bool) -> list[bytes]:
        if self.remaining is not None and not self.bodiless and last and len(body) < self.remaining:
            return [body]
        return original(self, body, last)

    Exchange.frame_body = frame_body  # type: ignore[method-assign]


@server_fault("short-body-padded", "rfc9110.content-length.incorrect", "rfc9112.incomplete.close")
def _() -> None:
    original = Exchange.frame_body

    def frame_body(self: Exchange, body: bytes, last: bool) -> list[bytes]:
        if self.remaining is not None and not self.bodiless and last and len(body) < self.remaining:
            return [body.ljust(self.remaining)]
        return original(self, body, last)

    Exchange.frame_body = frame_body  # type: ignore[method-assign]


def _persistence(react: str) -> None:
    original = Exchange.frame_headers

    def frame_headers(self: Exchange, start: Start) -> Headers:
        headers = original(self, start)
        asked = wire.connection_options(self.request.headers)
        said = wire.connection_options(start.headers)
        if react == "never":
            self.persistent = False
        if react == "whatever-is-asked" and b"close" in asked:
            self.persistent = True
            return [field for field in headers if field[0] != b"connection"]
        if react == "whatever-is-said" and b"close" in said:
            self.persistent = True
        if react == "old-version-too" and self.http10 and not self.until_close:
            self.persistent = True
        return headers

    Exchange.frame_headers = frame_headers  # type: ignore[method-assign]


@server_fault(
    "never-persistent",
    "rfc9112.persistence.default",
    "rfc9112.pipelining.order",
    "rfc9112.persistence.unsupported",
    "rfc9110.expect.early-final",
)
def _() -> None:
    _persistence("never")


@server_fault(
    "close-not-heard",
    "rfc9112.persistence.close",
    "rfc9112.persistence.close-answered",
    "rfc9112.persistence.nothing-after-close",
)
def _() -> None:
    _persistence("whatever-is-asked")


@server_fault(
    "close-said-and-not-done", "rfc9112.persistence.close-sent", "rfc9112.persistence.nothing-after-close-sent"
)
def _() -> None:
    _persistence("whatever-is-said")


@server_fault("old-version-persistent", "rfc9112.persistence.1.0")
def _() -> None:
    _persistence("old-version-too")


@server_fault("old-version-gets-chunks", "rfc9112.transfer-encoding.not-to-1.0", "rfc9112.persistence.1.0")
def _() -> None:
    original = Exchange.frame_headers

    def frame_headers(self: Exchange, start: Start) -> Headers:
        headers = original(self, start)
        if self.until_close:
            self.until_close, self.chunked = False, True
            headers.append((b"transfer-encoding", b"chunked"))
        return headers

    Exchange.frame_headers = frame_headers  # type: ignore[method-assign]


@server_fault("old-version-called-1.1", "http.scope.http-version.value")
def _() -> None:
    from asgi_conformance.servers.reference import scope

    def http_version(request: h11.Request) -> str:
        return "1.1"

    scope.http_version = http_version


@server_fault("absolute-form-refused", "rfc9112.absolute-form", "rfc9112.absolute-form.*")
def _() -> None:
    original = wire.refusal

    def refusal(request: h11.Request) -> int | None:
        return original(request) if request.target.startswith((b"/", b"*")) else 400

    wire.refusal = refusal


@server_fault("odd-targets-never-answered", "http.scope.path.target-forms", "rfc9112.absolute-form*")
def _() -> None:
    original = Exchange.call_application

    async def call_application(self: Exchange) -> None:
        if not self.request.target.startswith(b"/"):
            await anyio.sleep_forever()
        await original(self)

    Exchange.call_application = call_application  # type: ignore[method-assign, assignment]


@server_fault("pipelined-requests-dropped", "rfc9112.pipelining.order")
def _() -> None:
    original = HTTP1.next_request

    async def next_request(self: HTTP1) -> h11.Request | None:
        if self.h11.their_state is h11.DONE:
            self.h11 = self.new_parser()
            self.channel.incoming.clear()
        return await original(self)

    HTTP1.next_request = next_request  # type: ignore[method-assign]
