"""Faults in what becomes of a request's head: its lines, its target, its fields, its version and its size."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import h11

from asgi_conformance.servers.reference import scope as scopes
from asgi_conformance.servers.reference import wire
from asgi_conformance.servers.reference.events import Application, Headers, Receive, Scope, Send, Start
from asgi_conformance.servers.reference.exchange import Exchange
from asgi_conformance.servers.reference.faults.registry import fault, server_fault
from asgi_conformance.servers.reference.http1 import HTTP1

LONGEST_HEAD = 60_000  # of those that are rewritten: less than what the server reads ahead
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(
    TOKEN + rb"[ \t\r\x0b\x0c]+(?:/[!\"$-~]*|\*|[!-\"$-~]*:[!\"$-~]*)[ \t\r\x0b\x0c]+HTTP/[0-9]\.[0-9]"
)

# --- a parser that is too lenient -------------------------------------------------------------------------------------

Rewrite = Callable[[bytes], bytes]


def _rewrite_heads(change: Rewrite) -> None:
    """Have ``change`` rewrite each request's head, the empty line left out, before it is parsed."""
    original = HTTP1.parse

    def parse(self: HTTP1) -> object:
        if self.idle:
            self.skip_blank_lines()
            head, end, rest = bytes(self.channel.incoming).partition(b"\r\n\r\n")
            if head and not end and len(head) < LONGEST_HEAD and b"\n\n" not in head and b"\n\r\n" not in head:
                return h11.NEED_DATA
            if end and len(head) < LONGEST_HEAD:
                self.channel.incoming[:] = change(head) + end + rest
        return original(self)

    HTTP1.parse = parse  # type: ignore[method-assign]


def head_fault(name: str, breaks: str, *also: str) -> Callable[[Rewrite], Rewrite]:
    """Declare a function that rewrites each request's head, the empty line left out, before it is parsed."""

    def declare(change: Rewrite) -> Rewrite:
        server_fault(name, breaks, *also)(lambda: _rewrite_heads(change))
        return change

    return declare


def _rewrite_lines(name: str, breaks: str, *also: str) -> Callable[[Rewrite], Rewrite]:
    """Declare a function that rewrites each field line of a head, without its end."""

    def declare(change: Rewrite) -> Rewrite:
        @head_fault(name, breaks, *also)
        def _(head: bytes) -> bytes:
            first, *lines = head.split(b"\r\n")
            return b"\r\n".join([first, *map(change, lines)])

        return change

    return declare


def _rewrite_request_line(name: str, breaks: str, *also: str) -> Callable[[Rewrite], Rewrite]:
    """Declare a function that rewrites the first line of each head, without its end."""

    def declare(change: Rewrite) -> Rewrite:
        @head_fault(name, breaks, *also)
        def _(head: bytes) -> bytes:
            first, end, rest = head.partition(b"\r\n")
            return change(first) + end + rest

        return change

    return declare


def _keep(name: str, breaks: str, *also: str, pattern: bytes) -> None:
    """Declare the fault of handing the application octets that match ``pattern`` in a head, which h11 would not take."""

    def hidden(match: re.Match[bytes]) -> bytes:
        return b"~~%b~~" % match[0].hex().encode()

    def shown(value: Any) -> Any:
        if isinstance(value, bytes):
            return re.sub(rb"~~((?:[0-9a-f]{2})+)~~", lambda match: bytes.fromhex(match[1].decode()), value)
        if isinstance(value, str):
            return shown(value.encode("utf-8")).decode("utf-8")
        if isinstance(value, list):
            return [shown(item) for item in value]
        return value

    @fault(name, breaks, *also)
    def middleware(application: Application) -> Application:
        _rewrite_heads(lambda head: re.sub(pattern, hidden, head))

        async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
            kept = ("path", "raw_path", "headers")
            changed = {key: shown(value) if key in kept else value for key, value in scope.items()}
            await application(changed, receive, send)

        return faulty


@head_fault("bare-cr-ends-lines", "rfc9112.line.bare-cr", "rfc9110.fields.cr-lf-nul")
def _(head: bytes) -> bytes:
    return re.sub(rb"\r(?!\n)", b"\r\n", head)


@server_fault("bare-cr-ends-the-head", "rfc9112.line.bare-cr", "rfc9110.fields.cr-lf-nul")
def _() -> None:
    original = HTTP1.parse

    def parse(self: HTTP1) -> object:
        if self.idle:
            self.channel.incoming[:] = re.sub(rb"\r\r+\n?|\n\r(?=[^\n])", b"\r\n\r\n", bytes(self.channel.incoming))
        return original(self)

    HTTP1.parse = parse  # type: ignore[method-assign]


_keep(
    "line-breaks-kept-in-heads",
    "rfc9110.fields.cr-lf-nul",
    "rfc9112.line.*",
    "rfc9112.request-line.*",
    pattern=rb"(?<!^)\r(?!\n)|(?<!\r)\n|(?<=: )\0|(?<=a)\0",
)


@_rewrite_lines("nul-left-out", "rfc9110.fields.cr-lf-nul")
def _(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    return name + colon + value.replace(b"\0", b"")


@_rewrite_lines("white-space-before-colons-skipped", "rfc9112.fields.space-before-colon")
def _(line: bytes) -> bytes:
    return re.sub(rb"\A([^\s:]+)[ \t]+:", rb"\1:", line)


@head_fault(
    "lines-without-colon-skipped",
    "rfc9112.malformed.400",
    "rfc9112.malformed.close",
    "rfc9110.status-4xx.*",
)
def _(head: bytes) -> bytes:
    first, *lines = head.split(b"\r\n")
    return b"\r\n".join([first, *(line for line in lines if b":" in line or line.startswith((b" ", b"\t")))])


@_rewrite_lines("names-of-any-octets", "rfc9112.malformed.400", "rfc9112.malformed.close", "rfc9110.status-4xx.*")
def _(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    if not colon or name != name.strip(b" \t"):
        return line
    return re.sub(rb"[^!#$%&'*+.^_`|~0-9A-Za-z\r\n-]", b"-", name or b"-") + colon + value


@head_fault(
    "nonsense-taken-for-a-request",
    "rfc9112.malformed.400",
    "rfc9112.malformed.close",
    "rfc9112.request-line.*",
    "rfc9112.version.*",
    "rfc9110.status-4xx.*",
)
def _(head: bytes) -> bytes:
    first, _, rest = head.partition(b"\r\n")
    if REQUEST_LINE.fullmatch(first) or first.endswith(b" HTTP/1.1"):
        return head
    return b"GET / HTTP/1.1\r\n" + (rest if b"Host:" in rest else b"Host: nonsense.test")


@_rewrite_request_line(
    "request-lines-corrected",
    "rfc9112.request-line.no-autocorrect",
    "rfc9112.request-line.*",
    "rfc9112.version.*",
    "rfc9112.malformed.*",
    "rfc9112.line.bare-cr",
    "rfc9110.status-4xx.*",
)
def _(line: bytes) -> bytes:
    return line if REQUEST_LINE.fullmatch(line) else b"GET /corrected HTTP/1.1"


@_rewrite_request_line(
    "request-lines-with-many-words", "rfc9112.request-line.invalid", "rfc9112.request-line.no-autocorrect"
)
def _(line: bytes) -> bytes:
    method, *words, version = line.split(b" ") if line.count(b" ") > 2 else [line, b""]
    return b"%b %b %b" % (method, b"%20".join(words), version) if words else line


@_rewrite_request_line("version-in-any-case", "rfc9112.version.case-sensitive", "rfc9112.request-line.*")
def _(line: bytes) -> bytes:
    return re.sub(rb"(?i)HTTP(?=/[0-9]\.[0-9]\Z)", b"HTTP", line)


@head_fault("indented-first-lines-are-fields", "rfc9112.fields.space-before-first")
def _(head: bytes) -> bytes:
    first, *lines = head.split(b"\r\n")
    while lines and lines[0] != (stripped := lines[0].lstrip(b" \t")):
        first, lines = first + b"\r\n" + stripped, lines[1:]
    return b"\r\n".join([first, *lines])


def _fold_fault(name: str, replacement: bytes, *also: str) -> None:
    @head_fault(name, "rfc9112.fields.obs-fold", *also)
    def _(head: bytes) -> bytes:
        first, end, rest = head.partition(b"\r\n")
        return first + end + re.sub(rb"(?<!\A)\r\n[ \t]+", replacement, rest)


_fold_fault("folds-left-out", b"")
_fold_fault("folds-taken-for-lines", b"\r\n")


@head_fault("folded-length-preferred", "rfc9112.content-length.delimits", "rfc9112.fields.obs-fold")
def _(head: bytes) -> bytes:
    folded = re.search(rb"\r\n[ \t]+(content-length:[^\r\n]*)", head, re.IGNORECASE)
    if folded is None:
        return head
    first, *lines = head.replace(folded[0], b"").split(b"\r\n")
    return b"\r\n".join(
        [first, folded[1], *(line for line in lines if not line.lower().startswith(b"content-length:"))]
    )


_keep("folds-kept", "rfc9112.fields.obs-fold", pattern=rb"(?<=[a-z:])\r\n[ \t]+")


@server_fault(
    "goes-on-after-an-error",
    "rfc9112.malformed.close",
    "rfc9112.content-length.*",
    "rfc9112.transfer-encoding.*",
    "rfc9112.chunked.*",
    "rfc9112.*.too-long",
    "rfc9110.fields.too-large",
)
def _() -> None:
    """The error in a head is answered, and what comes behind the next empty line is taken for a request."""
    original = HTTP1.next_request

    async def next_request(self: HTTP1) -> h11.Request | None:
        while True:
            channel = self.channel
            end, channel.end = channel.end, lambda: None  # type: ignore[method-assign]
            written = len(channel.outgoing)
            request = await original(self)
            channel.end = end  # type: ignore[method-assign]
            if request is not None or len(channel.outgoing) <= written:
                return request
            rest = self.h11.trailing_data[0]
            if self.h11.their_state is h11.ERROR and rest[:1] < b"!":
                rest = rest.partition(b"\r\n\r\n")[2]
            channel.incoming[:0] = rest
            self.h11 = self.new_parser()
            if channel.gone:
                return None

    HTTP1.next_request = next_request  # type: ignore[method-assign]


# --- requests that are refused without need ---------------------------------------------------------------------------

Refusal = Callable[[h11.Request], int | None]


def refusal_fault(name: str, breaks: str, *also: str) -> Callable[[Refusal], Refusal]:
    """Declare a function that returns the status with which to refuse a request, if any, before any other reason."""

    def declare(status: Refusal) -> Refusal:
        def replace() -> None:
            original = HTTP1.refusal
            HTTP1.refusal = lambda self, request: status(request) or original(self, request)  # type: ignore[method-assign]

        server_fault(name, breaks, *also)(replace)
        return status

    return declare


@server_fault("empty-line-before-the-request-line-refused", "rfc9112.request-line.empty-line-before")
def _() -> None:
    HTTP1.skip_blank_lines = lambda self: None  # type: ignore[method-assign]


@refusal_fault("targets-beyond-five-thousand-refused", "rfc9110.target.8000-octets", "rfc9112.request-line.8000-octets")
def _(request: h11.Request) -> int | None:
    return 414 if len(request.target) > 5000 else None


@refusal_fault("long-methods-answered-400", "rfc9112.method.too-long")
def _(request: h11.Request) -> int | None:
    return 400 if len(request.method) > 50 else None


KNOWN = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"M-SEARCH")


@refusal_fault("unknown-methods-answered-400", "rfc9110.methods.unknown", "rfc9112.method.too-long")
def _(request: h11.Request) -> int | None:
    return 400 if request.method not in KNOWN else None


@refusal_fault(
    "head-refused",
    "rfc9110.methods.get-and-head",
    "rfc9110.*head*",
    "rfc9110.date.generated",
    "rfc9112.bodiless.*",
    "rfc9112.persistence.close-answered",
    "core.send.returns",
)
def _(request: h11.Request) -> int | None:
    return 501 if request.method == b"HEAD" else None


@refusal_fault("methods-not-allowed", "rfc9110.status-405.allow", "rfc9110.methods.unknown")
def _(request: h11.Request) -> int | None:
    special = request.method in (b"CONNECT", b"TRACE", b"FROBNICATE") or request.target == b"*"
    return 405 if special else None


@refusal_fault("asterisk-refused", "rfc9110.options.asterisk")
def _(request: h11.Request) -> int | None:
    return 400 if request.target == b"*" else None


@refusal_fault("higher-minor-version-refused", "rfc9110.version.higher-minor")
def _(request: h11.Request) -> int | None:
    return 505 if request.http_version not in (b"1.0", b"1.1") else None


@refusal_fault("unknown-fields-refused", "rfc9110.fields.unrecognised")
def _(request: h11.Request) -> int | None:
    return 400 if any(name == b"x-unknown" for name, _ in request.headers) else None


@server_fault("unknown-trailer-fields-refused", "rfc9110.fields.unrecognised", "rfc9110.trailers.*")
def _() -> None:
    original = HTTP1.parse

    def parse(self: HTTP1) -> object:
        event = original(self)
        if isinstance(event, h11.EndOfMessage) and any(name == b"x-unknown" for name, _ in event.headers):
            raise h11.RemoteProtocolError("trailer fields")
        return event

    HTTP1.parse = parse  # type: ignore[method-assign]


@refusal_fault("octets-above-127-refused", "rfc9110.fields.obs-text", "rfc9112.parsing.octets")
def _(request: h11.Request) -> int | None:
    return 400 if any(max(value, default=0) > 127 for _, value in request.headers) else None


# --- requests that should be refused ----------------------------------------------------------------------------------


@head_fault("host-not-needed", "rfc9112.host.missing", "rfc9110.status-4xx.*", "rfc9110.options.asterisk")
def _(head: bytes) -> bytes:
    return head if re.search(rb"(?im)^host[ \t]*:", head) else head + b"\r\nHost: none.test"


@head_fault("repeated-host-ignored", "rfc9112.host.repeated")
def _(head: bytes) -> bytes:
    first, *lines = head.split(b"\r\n")
    hosts = [number for number, line in enumerate(lines) if line.lower().startswith(b"host:")]
    return b"\r\n".join([first, *(line for number, line in enumerate(lines) if number not in hosts[1:])])


@server_fault("host-not-looked-at", "rfc9112.host.invalid")
def _() -> None:
    original = wire.refusal

    def refusal(request: h11.Request) -> int | None:
        wire.HOST, strict = re.compile(rb".*"), wire.HOST
        try:
            if any(name == b"host" and not strict.fullmatch(value) for name, value in request.headers):
                return original(request)
        finally:
            wire.HOST = strict
        return original(request)

    wire.refusal = refusal


@_rewrite_request_line("absolute-target-without-host-accepted", "rfc9110.target.empty-host")
def _(line: bytes) -> bytes:
    return re.sub(rb"http://(?::[0-9]*)?(?=[/? ])", b"http://default.test", line)


@_rewrite_request_line("userinfo-accepted", "rfc9110.target.userinfo")
def _(line: bytes) -> bytes:
    return re.sub(rb"http://[^/?# ]*@", b"http://", line)


@_rewrite_request_line("https-accepted-unsecured", "rfc9110.target.https-unsecured")
def _(line: bytes) -> bytes:
    return re.sub(rb"(?i)https://", b"http://", line)


@server_fault("host-of-absolute-target-ignored", "rfc9112.absolute-form.host")
def _() -> None:
    def header_list(request: h11.Request) -> list[list[bytes]]:
        return [[bytes(name), bytes(value)] for name, value in request.headers]

    scopes.header_list = header_list


@server_fault(
    "connect-handed-over",
    "rfc9110.connect.port",
    "rfc9110.connect.*",
    "rfc9110.content-length.not-in-connect",
    "rfc9112.request-line.*",
)
def _() -> None:
    original = HTTP1.refusal
    HTTP1.refusal = lambda self, request: None if request.method == b"CONNECT" else original(self, request)  # type: ignore[method-assign]


@fault("trace-tells-everything", "rfc9110.trace.sensitive", "http.scope.method.*")
def _(application: Application) -> Application:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "TRACE":
            await application(scope, receive, send)
            return
        message = b"".join(b"%b: %b\r\n" % (name, value) for name, value in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"message/http")]})
        await send({"type": "http.response.body", "body": message})

    return faulty


# --- fields -----------------------------------------------------------------------------------------------------------

ACTED_ON = (b"host", b"content-length", b"transfer-encoding", b"connection", b"expect")


def _unknown(name: str, breaks: str, *also: str) -> Callable[[Callable[[bytes, bytes], bool]], None]:
    """Declare the fault of not recognising a field that the server acts on, where a function of its line says so."""

    def declare(unknown: Callable[[bytes, bytes], bool]) -> None:
        @_rewrite_lines(name, breaks, *also)
        def _(line: bytes) -> bytes:
            field, _, value = line.partition(b":")
            return b"X-" + line if field.lower() in ACTED_ON and unknown(field, value) else line

    return declare


@_unknown(
    "names-case-sensitive",
    "rfc9112.fields.names-case-insensitive",
    "rfc9112.host.repeated",
    "rfc9112.transfer-encoding.*",
    "rfc9112.content-length.*",
)
def _(name: bytes, value: bytes) -> bool:
    return name not in (name.lower(), name.title())


@_unknown(
    "white-space-not-excluded",
    "rfc9110.fields.value-whitespace",
    "rfc9112.transfer-encoding.*",
    "rfc9112.content-length.*",
)
def _(name: bytes, value: bytes) -> bool:
    return value.strip(b" \t") != b"" and value.removeprefix(b" ") != value.strip(b" \t")


_keep(
    "white-space-kept-around-values",
    "rfc9112.fields.space-around-value",
    pattern=rb"(?<=X-Spaced:)[ \t]+",
)


@_rewrite_lines("white-space-kept-behind-values", "rfc9112.fields.space-around-value")
def _(line: bytes) -> bytes:
    return line[:-1] + b"-" if line.startswith(b"X-Spaced:") and line.endswith((b" ", b"\t")) else line


@_rewrite_lines("octet-behind-the-colon-skipped", "rfc9112.fields.space-around-value")
def _(line: bytes) -> bytes:
    return re.sub(rb"\AX-Spaced:(?! )[^\t]?", b"X-Spaced: -", line)


@_rewrite_lines("white-space-squeezed", "rfc9112.fields.space-around-value", "http.scope.headers.*")
def _(line: bytes) -> bytes:
    return re.sub(rb"(?<=[a-z])[ \t]+(?=[a-z])", b" ", line)


def _change_values(name: str, breaks: str, *also: str) -> Callable[[Callable[[bytes], bytes]], None]:
    """Declare a function that changes the value of each header in the scope."""

    def declare(change: Callable[[bytes], bytes]) -> None:
        def replace() -> None:
            original = scopes.header_list

            def header_list(request: h11.Request) -> list[list[bytes]]:
                return [[name, change(value)] for name, value in original(request)]

            scopes.header_list = header_list

        server_fault(name, breaks, *also)(replace)

    return declare


@_change_values("values-taken-for-text", "rfc9112.parsing.octets", "rfc9110.fields.obs-text", "http.scope.headers.*")
def _(value: bytes) -> bytes:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return b"".join(value.decode("latin-1").split("\x85")[0].strip().encode("latin-1").splitlines()[:1])
    return "".join(text.strip().splitlines()[:1]).encode("utf-8")


@_change_values(
    "octets-above-127-made-utf-8", "rfc9110.fields.obs-text", "rfc9112.parsing.octets", "http.scope.headers.*"
)
def _(value: bytes) -> bytes:
    return value.decode("latin-1").encode("utf-8")


@_change_values("long-values-cut", "rfc9110.fields.too-large")
def _(value: bytes) -> bytes:
    return value[:900]


@server_fault("long-names-cut", "rfc9110.fields.too-large")
def _() -> None:
    original = scopes.header_list

    def header_list(request: h11.Request) -> list[list[bytes]]:
        return [[name[:900], value] for name, value in original(request)]

    scopes.header_list = header_list


def _one_line_of_each(name: str, last: bool) -> None:
    @head_fault(
        name, "rfc9110.fields.combined", "rfc9112.host.repeated", "rfc9110.fields.too-large", "http.scope.headers.*"
    )
    def _(head: bytes) -> bytes:
        first, *lines = head.split(b"\r\n")
        kept: dict[bytes, bytes] = {}
        for line in lines:
            field = line.partition(b":")[0].lower()
            if field in (b"content-length", b"transfer-encoding") or b":" not in line:
                field = line  # the framing is another matter
            if last or field not in kept:
                kept[field] = line
        return b"\r\n".join([first, *kept.values()])


_one_line_of_each("last-line-of-a-field-wins", last=True)
_one_line_of_each("first-line-of-a-field-wins", last=False)


@server_fault("list-with-an-empty-element-ignored", "rfc9110.lists.empty-elements")
def _() -> None:
    original = wire.connection_options

    def connection_options(headers: Any) -> set[bytes]:
        options = original(headers)
        return set() if b"" in options else options

    wire.connection_options = connection_options


@server_fault("called-before-the-empty-line", "rfc9110.fields.whole-section-first")
def _() -> None:
    original = HTTP1.parse

    def parse(self: HTTP1) -> object:
        incoming = self.channel.incoming
        if self.idle and incoming.startswith(b"GET /unfinished ") and incoming.endswith((b"\r\n", b"\r")):
            head = bytes(incoming).rstrip(b"\r\n")
            incoming[:] = head + (b"\r\n\r\n" if b"Host:" in head else b"\r\nHost: unfinished.test\r\n\r\n")
        return original(self)

    HTTP1.parse = parse  # type: ignore[method-assign]


# --- what the server says for itself ----------------------------------------------------------------------------------


def _instead_of_errors(name: str, breaks: str, *also: str) -> Callable[[Callable[[HTTP1, int], bool]], None]:
    """Declare a function that answers an error in a request, and returns whether the server does not need to."""

    def declare(react: Callable[[HTTP1, int], bool]) -> None:
        def replace() -> None:
            original = HTTP1.answer_error

            def answer_error(self: HTTP1, status: int, head: bool = False) -> None:
                if not react(self, status):
                    original(self, status, head)

            HTTP1.answer_error = answer_error  # type: ignore[method-assign]

        server_fault(name, breaks, *also)(replace)

    return declare


def _without_content(connection: HTTP1, status: int) -> bool:
    headers = [(b"content-length", b"0"), (b"date", wire.date()), (b"connection", b"close")]
    connection.channel.write(wire.head(status, headers))
    connection.channel.end()
    return True


@_instead_of_errors("errors-not-explained", "rfc9110.status-4xx.explained")
def _(connection: HTTP1, status: int) -> bool:
    return 400 <= status < 500 and _without_content(connection, status)


@_instead_of_errors("unsupported-version-not-explained", "rfc9110.status-505.explained")
def _(connection: HTTP1, status: int) -> bool:
    return status == 505 and _without_content(connection, status)


@_instead_of_errors("closed-where-too-large", "rfc9110.fields.too-large")
def _(connection: HTTP1, status: int) -> bool:
    if status == 431:
        connection.channel.end()
    return status == 431


@server_fault("long-targets-answered-431", "rfc9112.target.too-long", "rfc9112.method.too-long")
def _() -> None:
    HTTP1.status_of = lambda self, error: error.error_status_hint  # type: ignore[method-assign]


@refusal_fault("targets-beyond-nine-thousand-answered-400", "rfc9112.target.too-long")
def _(request: h11.Request) -> int | None:
    return 400 if len(request.target) > 9000 else None


def _version_fault(name: str, breaks: str, *also: str) -> Callable[[Callable[[bytes, int], bytes]], None]:
    """Declare a function from the request's version and the status to the version of the response."""

    def declare(choose: Callable[[bytes, int], bytes]) -> None:
        def replace() -> None:
            frame_headers, refuse, head = Exchange.frame_headers, HTTP1.refusal, wire.head
            asked = b"1.1"

            def noting_headers(self: Exchange, start: Start) -> Headers:
                nonlocal asked
                asked = self.request.http_version
                return frame_headers(self, start)

            def noting_refusal(self: HTTP1, request: h11.Request) -> int | None:
                nonlocal asked
                asked = request.http_version
                return refuse(self, request)

            def choosing_head(status: int, headers: Headers) -> bytes:
                nonlocal asked
                version, asked = choose(asked, status), b"1.1"
                return head(status, headers).replace(b"HTTP/1.1", b"HTTP/" + version, 1)

            Exchange.frame_headers = noting_headers  # type: ignore[method-assign]
            HTTP1.refusal = noting_refusal  # type: ignore[method-assign]
            wire.head = choosing_head

        server_fault(name, breaks, *also)(replace)

    return declare


@_version_fault("version-echoed", "rfc9110.version.conformant", "rfc9110.version.highest")
def _(version: bytes, status: int) -> bytes:
    return version


@_version_fault("version-echoed-with-a-higher-major", "rfc9110.version.conformant", "rfc9110.version.highest")
def _(version: bytes, status: int) -> bytes:
    return b"2.0" if version == b"1.0" else b"1.1"


@_version_fault(
    "errors-and-short-answers-in-the-old-version",
    "rfc9112.version.no-downgrade",
    "rfc9110.version.highest",
    "rfc9112.persistence.*",
)
def _(version: bytes, status: int) -> bytes:
    return b"1.0" if status in (204, 400) else b"1.1"
