"""Requests with one hostile edit: refused, waited for, or processed as what they are, and never as anything else.

What a message is after the edit is read here once more, as leniently as RFC 9112 lets a recipient be: wherever it leaves
a choice, every choice is right. Where the text does not say what a body is, none is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from asgi_conformance.fixtures import strategies
from asgi_conformance.fixtures.application import Application, Fields, response_body, response_start
from asgi_conformance.fixtures.checks import Broken, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import Trap, in_short, send
from asgi_conformance.fixtures.http1 import Exchange
from asgi_conformance.fixtures.properties import given
from asgi_conformance.fixtures.transcript import shorten
from asgi_conformance.fixtures.values import items

HIDDEN = 80  # octets of the body, in which another request is hidden
PLAIN = b"GET /mutant?query=1 HTTP/1.1\r\nHost: {host}\r\nX-First: one\r\nX-Second: two, three\r\nAccept: */*\r\n\r\n"
WITH_LENGTH = b"POST /framed HTTP/1.1\r\nHost: {host}\r\nContent-Length: 80\r\nX-Last: value\r\n\r\n{trap}"
CHUNKED = (
    b"POST /framed HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nX-Last: value\r\n\r\n"
    b"50\r\n{trap}\r\n5;a=b\r\nhello\r\n0\r\n\r\n"
)
COMMON = (
    "http.scope-per-request.single",
    "http.scope.headers.duplicates",
    "http.scope.headers.exact",
    "http.scope.method.value",
    "http.scope.query-string.raw",
    "http.scope.query-string.value",
    "http.scope.raw-path.value",
    "rfc9110.fields.cr-lf-nul",
    "rfc9110.fields.whole-section-first",
    "rfc9112.body.none",
    "rfc9112.fields.names-case-insensitive",
    "rfc9112.line.bare-cr",
)


class Body(NamedTuple):
    """One way to read a body: what it is if it is whole, and what follows it; ``octets`` is ``None`` if it is not whole."""

    octets: bytes | None
    behind: bytes = b""


class Reading:
    """What a message may be taken for, with LF or only with CRLF as the end of a line."""

    def __init__(self, message: bytes, line_end: bytes) -> None:
        start = re.sub(rb"\A(?:%b)+" % line_end, b"", message)
        head, *rest = re.split(line_end + line_end, start, maxsplit=1)
        self.whole = bool(rest)
        self.rest = rest[0] if rest else b""
        self.request_line, *lines = re.split(line_end, head)
        self.fields = [
            (name, value) for line in unfolded(lines) for name, colon, value in [line.partition(b":")] if colon
        ]

    def values(self, name: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield the values of the fields with this name, and whether the field could be taken for none, or be dropped."""
        for key, value in self.fields:
            if key.strip(b" \t\r\0").lower() == name:
                yield value.strip(b" \t"), bool(re.search(rb"[\r\n\0]", key + value)) or key.lower() != name

    def bodies(self) -> list[Body | None]:
        """Return every way to read the body; ``None`` is a way of which the text does not say what comes of it."""
        if not self.whole:
            return [Body(None)]
        codings, lengths = list(self.values(b"transfer-encoding")), list(self.values(b"content-length"))
        found: list[Body | None] = []
        if codings:
            found.append(self._chunked([value for value, _ in codings]))
        elif lengths:
            found.append(self._with_length([value for value, _ in lengths]))
        if all(doubtful for _, doubtful in codings + lengths):
            found.append(Body(b"", self.rest))
        return found

    def _with_length(self, values: list[bytes]) -> Body | None:
        """The same number several times is valid; anything else but digits is not, and the body then never whole."""
        members = {re.sub(rb"[ \t\r\n\0]+", b" ", member).strip() for value in values for member in value.split(b",")}
        if len(members) != 1 or not re.fullmatch(rb"[0-9]+", min(members)):
            return Body(None)
        length = int(min(members))
        return Body(self.rest[:length], self.rest[length:]) if length <= len(self.rest) else Body(None)

    def _chunked(self, values: list[bytes]) -> Body | None:
        """Of malformed chunks, and of chunked in HTTP/1.0 or with anything else, no rule says what is to become."""
        codings = [
            coding.strip(b" \t").lower() for value in values for coding in value.split(b",") if coding.strip(b" \t")
        ]
        if codings != [b"chunked"] or not self.request_line.rstrip().endswith(b"HTTP/1.1"):
            return None if codings and re.fullmatch(rb"chunked(?:[ \t]*;.*)?", codings[-1]) else Body(None)
        body, at = b"", 0
        while at < len(self.rest):
            size = re.compile(rb"([0-9A-Fa-f]+)[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n").match(self.rest, at)
            if size is None:
                return None if re.search(rb"\n", self.rest[at:]) else Body(None)
            length, at = int(size[1], 16), size.end()
            if length == 0:
                return Body(body, self.rest[at:])
            body += self.rest[at : at + length]
            at += length
            if self.rest[at : at + 2] not in (b"\r\n", b"\r", b""):
                return None
            at += 2
        return Body(None)


def unfolded(lines: list[bytes]) -> list[bytes]:
    """Return field lines with the folded ones joined by a space, and without a first one that begins with white space."""
    found: list[bytes] = []
    for line in lines:
        if not line.startswith((b" ", b"\t")):
            found.append(line)
        elif found:
            found[-1] += b" " + line.strip(b" \t")
    return found


def plain(value: bytes) -> bytes:
    """Return a name or value with each run of white space and control characters as one space, and none around it."""
    return re.sub(rb"[\0-\x20\x7f]+", b" ", value).strip()


def judge_scope(scope: Fields, readings: list[Reading]) -> None:
    """Make sure that the application was called for a request that the message may be taken for."""
    lines = [reading.request_line for reading in readings]
    method = scope["method"]
    if isinstance(method, str):  # other types are judged elsewhere
        said = method.encode("utf-8", "surrogatepass").upper()
        if not any(said in (line.split(b" ")[0].upper(), plain(line).split(b" ")[0].upper()) for line in lines):
            raise Broken(f"the method {method!r} stands at the beginning of no request line")
    for key in ("raw_path", "query_string"):
        value = scope.get(key)
        if isinstance(value, bytes) and not any(value in line for line in lines):
            raise Broken(f"{key} {value!r} stands in no request line")
    fields = {(plain(name).lower(), plain(value)) for reading in readings for name, value in reading.fields}
    for name, value in map(items, items(scope["headers"])):
        if name.lower() in (b"content-length", b"transfer-encoding") or (name.lower(), value) == (b"host", b""):
            continue  # some servers tidy up the first two, which shows in the body, and one makes up a host for want of one
        if (plain(name).lower(), plain(value)) not in fields:
            raise Broken(f"the header {name!r}: {value!r} is no field of the message")


def is_within(body: bytes, message: bytes) -> bool:
    """Tell whether the octets of a body are in the message, in their order."""
    rest = iter(message)
    return all(octet in rest for octet in body)


async def hear_out(http: Http, exchange: Exchange, application: Application) -> tuple[bytes, bool]:
    """Return what the application receives of the body, and whether it is told that this is all.

    When nothing more comes, the client ends its side of the connection, upon which something may.
    """
    body, ended = b"", False
    while True:
        step = application.start_receive()
        await http.exchange()
        if not step.done and not application.over and not ended:
            exchange.connection.end()
            ended = True
            await http.settle()
        if not step.done or step.raised is not None or step.cancelled:
            return body, False
        event = await step.value()
        if event["type"] != "http.request":
            return body, False
        body += event.get("body", b"")
        if not event.get("more_body", False):
            return body, True


async def judge(http: Http, template: bytes) -> None:
    """Send a message that was edited, and judge what comes of it."""
    trap = Trap(http)
    sent = await send(http, template.replace(b"{trap}", trap.request.ljust(HIDDEN)), method="POST")
    exchange = sent.exchange
    message = template.replace(b"{trap}", trap.request.ljust(HIDDEN)).replace(b"{host}", exchange.authority)
    readings = [Reading(message, line_end) for line_end in (rb"\r?\n", rb"\r\n")]
    bodies = [body for reading in readings for body in reading.bodies()]
    await http.exchange()
    if not exchange.applications and not exchange.over:
        exchange.connection.end()
        await http.settle()
    if exchange.applications:
        application = exchange.applications[0]
        if not any(reading.whole for reading in readings):
            raise Broken(f"before its head was whole the request was called {in_short(application)}")
        judge_scope(application.scope, readings)
        heard, whole = await hear_out(http, exchange, application)
        known = None not in bodies and whole
        if not is_within(heard, message) or (known and heard not in [body.octets for body in bodies if body]):
            raise Broken(f"the application received {shorten(heard)} as the{' whole' if whole else ''} body")
        if whole:
            for event in (response_start(204), response_body()):
                await application.attempt(event)
            await exchange.ended()
    elif exchange.arrived is not None and exchange.arrived.status < 400:
        raise Broken(f"the server answered {exchange.arrived.status} without the application")
    await http.settle()
    if len(exchange.applications) > 1:
        raise Broken(f"the application was called again, with {in_short(exchange.applications[1])}")
    if None not in bodies and not any(body and trap.nonce in body.behind for body in bodies):
        trap.judge()


@requires(*COMMON)
@given(message=strategies.mutants(PLAIN))
async def test_request_without_a_body(http: Http, message: bytes) -> None:
    """A request without a body, after a hostile edit, reaches the application only as what it is, if at all."""
    await judge(http, message)


@requires(
    *COMMON, "rfc9112.content-length.delimits", "rfc9112.content-length.invalid", "rfc9112.incomplete.content-length"
)
@given(message=strategies.mutants(WITH_LENGTH))
async def test_request_with_a_length(http: Http, message: bytes) -> None:
    """A request with a Content-Length, after a hostile edit, reaches the application only as what it is, if at all."""
    await judge(http, message)


@requires(
    *COMMON,
    "rfc9112.chunked.decoded",
    "rfc9112.chunked.delimits",
    "rfc9112.incomplete.chunked",
    "rfc9112.transfer-encoding.not-final-400",
)
@given(message=strategies.mutants(CHUNKED))
async def test_request_with_chunks(http: Http, message: bytes) -> None:
    """A chunked request, after a hostile edit, reaches the application only as what it is, if at all."""
    await judge(http, message)
