"""The reference server's WebSocket, from both ends: a client of plain sockets, and the probe as the application."""

from __future__ import annotations

import base64
import hashlib
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from asgi_conformance.fixtures import frames
from asgi_conformance.fixtures.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Close, frame
from asgi_conformance.fixtures.probe import asgi_probe
from asgi_conformance.fixtures.probe.asgi_probe import CONTROL, Recipe
from asgi_conformance.tests.near_end import LONGEST, Event, NearEnd, listener

PROBE = Path(asgi_probe.__file__).parent
QUIET = 0.3  # seconds after which a transfer that has stopped is taken for one that waits
MEBIBYTE = 1024 * 1024
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3
FIELDS = {
    b"Host": b"a.test",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Key": KEY,
    b"Sec-WebSocket-Version": b"13",
}
Extra = list[tuple[bytes, bytes]]
ACCEPT: Event = {"type": "websocket.accept"}
LOST: Event = {"type": "websocket.disconnect", "code": 1006, "reason": ""}


# --- both ends --------------------------------------------------------------------------------------------------------


class Application(NearEnd):
    """One call of the application, with several commands under way at once."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.connection = connection
        self._reports: dict[int, dict[str, Any]] = {}

    def outcome(self, step: int) -> dict[str, Any]:
        """Wait for the report on one command, whichever others come first."""
        while step not in self._reports:
            report = self.report()
            self._reports[report["step"]] = report
        return self._reports.pop(step)

    def ask(self, name: str, **fields: Any) -> dict[str, Any]:
        return self.outcome(self.command(name, **fields))

    def started(self, name: str, **fields: Any) -> int:
        """Send a command that gets a task of its own."""
        return self.command(name, task=True, **fields)


class Server:
    """The reference server in a process of its own, and the control connections of its application calls."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._listener = listener("unix", folder)
        self._listening, control = self._listener.__enter__()
        command = [sys.executable, "-m", "asgi_conformance.servers.reference", "asgi_probe:app", "--port=0", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(PROBE), CONTROL: control}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.log: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read_log, daemon=True).start()
        self.lifespan = self.called()
        assert self.lifespan.value("receive") == {"type": "lifespan.startup"}
        self.lifespan.value("assign", path=["state", "name"], to=["value"])
        self.lifespan.value("send", event={"type": "lifespan.startup.complete"})
        self.port = int(self.logged("listening on").rpartition(":")[2])

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.put(line)

    def logged(self, text: str) -> str:
        """Wait for a line with this text in the log, and return it."""
        while text not in (line := self.log.get(timeout=LONGEST)):
            pass
        return line

    def called(self) -> Application:
        """Wait for the next application call."""
        connection, _ = self._listening.accept()
        return Application(connection)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(LONGEST)
        self._listener.__exit__(None, None, None)


class Client:
    """One connection to the server, as bytes and as frames."""

    def __init__(self, server: Server, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LONGEST)
        self.socket.connect(("127.0.0.1", server.port))
        self._reader: frames.Reader | None = None
        self._taken = 0
        self.items: list[str | bytes | Close] = []

    def send(self, *pieces: bytes) -> None:
        self.socket.sendall(b"".join(pieces))

    def handshake(self, extra: Extra | None = None, line: bytes = b"GET /chat?a=1 HTTP/1.1", **changed: Any) -> None:
        """Send a handshake, in which a field is changed (`upgrade=b"..."`), or left out (None)."""
        fields = []
        for name, value in FIELDS.items():
            value = changed.get(name.decode().lower().replace("-", "_"), value)
            fields += [(name, value)] if value is not None else []
        self.send(line + b"\r\n", *(b"%b: %b\r\n" % pair for pair in [*fields, *(extra or [])]), b"\r\n")

    def head(self) -> tuple[int, dict[str, list[str]]]:
        """Wait for the head of a response, and return its status and header fields; frames follow a 101."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, f"the connection ended after {data!r}"
            data += byte
        line, *rest = data.decode("latin-1").split("\r\n")[:-2]
        fields: dict[str, list[str]] = {}
        for name, _, value in (text.partition(": ") for text in rest):
            fields.setdefault(name.lower(), []).append(value)
        if line.startswith("HTTP/1.1 101 "):
            self._reader = frames.Reader(fields.get("sec-websocket-extensions", []))
        return int(line.split(" ")[1]), fields

    @property
    def reader(self) -> frames.Reader:
        assert self._reader is not None
        return self._reader

    def frame(self) -> frames.Frame:
        """Wait for the next frame."""
        while len(self.reader.frames) == self._taken:
            data = self.socket.recv(65536)
            assert data, "the connection ended"
            self.items += self.reader.feed(data)
        self._taken += 1
        return self.reader.frames[self._taken - 1]

    def message(self) -> str | bytes | Close:
        """Wait for the next message or close frame."""
        while not self.items:
            self.frame()
        return self.items.pop(0)

    def rest(self) -> bytes:
        """Everything until the server closes its side. Raises ConnectionResetError if it does not do that properly."""
        data = b""
        while piece := self.socket.recv(65536):
            data += piece
        return data

    def ended(self, code: int | None, reason: str | None = None) -> None:
        """Make sure that the next is a close frame, and that the server then closes the connection, first."""
        close = self.message()
        assert isinstance(close, Close), close
        assert close.code == code
        if reason is not None:
            assert close.reason == reason
        assert self.rest() == b""

    def has_nothing(self) -> bool:
        """Whether nothing has come. (It is for after a barrier.)"""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) == b"?"
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(LONGEST)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def receive(application: Application) -> Event:
    event: Event = application.value("receive")
    return event


def send(application: Application, event: Any) -> None:
    report = application.ask("send", event=event)
    assert "raised" not in report, report


def refused(application: Application, event: Any) -> list[str]:
    """Send an event that has to raise, and return the names of the exception's classes."""
    bases: list[str] = application.ask("send", event=event)["raised"]["bases"]
    return bases


def finish(application: Application, **how: Any) -> None:
    """Have the application return, or raise."""
    application.send({"do": "return", **how})
    assert "bye" in application.report()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of this module."""
    running = Server(tmp_path_factory.mktemp("server"), "--root-path=/mount")
    yield running
    running.close()


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that claims, and keeps, an older version of the specification."""
    running = Server(tmp_path_factory.mktemp("older"), "--spec-version=2.3")
    yield running
    running.close()


Call = tuple[Client, Application]
Connect = Callable[..., Call]


@pytest.fixture
def called(server: Server) -> Iterator[Connect]:
    """A function that sends a handshake and waits until the application is called."""
    opened: list[Call] = []

    def begin(extra: Extra | None = None, on: Server = server, **changed: Any) -> Call:
        client = Client(on)
        client.handshake(extra, **changed)
        opened.append((client, on.called()))
        return opened[-1]

    yield begin
    for client, application in opened:
        client.close()
        application.close()


@pytest.fixture
def opened(called: Connect) -> Connect:
    """A function that returns both ends of a connection that is open."""

    def begin(extra: Extra | None = None, on: Server | None = None, **changed: Any) -> Call:
        client, application = called(extra, **({} if on is None else {"on": on}), **changed)
        assert receive(application) == {"type": "websocket.connect"}
        send(application, ACCEPT)
        assert client.head()[0] == 101
        return client, application

    return begin


def barrier(server: Server) -> None:
    """Have another request answered, so that what was going to happen has happened."""
    with socket.create_connection(("127.0.0.1", server.port), LONGEST) as other:
        other.sendall(b"GET /barrier HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        application = server.called()
        assert application.hello["hello"]["path"].endswith("/barrier")
        send(application, {"type": "http.response.start", "status": 204})
        send(application, {"type": "http.response.body"})
        assert other.recv(100).startswith(b"HTTP/1.1 204 ")
        finish(application)


# --- the handshake ----------------------------------------------------------------------------------------------------


def test_the_scope_tells_all_there_is(server: Server, called: Connect) -> None:
    offers = [(b"Sec-WebSocket-Protocol", b"one, two"), (b"Sec-WebSocket-Protocol", b"three"), (b"X-A", b"\xff")]
    client, application = called(offers, line=b"GET /a%2Fb%C3%A9?q=%20 HTTP/1.1")
    scope = dict(application.hello["hello"])
    headers = [[name.lower(), value] for name, value in [*FIELDS.items(), *offers]]
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/mount/a/bé",
        "raw_path": b"/a%2Fb%C3%A9",
        "query_string": b"q=%20",
        "root_path": "/mount",
        "headers": headers,
        "client": [*client.socket.getsockname()],
        "server": ["127.0.0.1", server.port],
        "subprotocols": ["one", "two", "three"],
        "state": {"name": ["value"]},
        "extensions": {"websocket.http.response": {}},
    }


def test_the_state_is_a_copy(called: Connect) -> None:
    _, one = called()
    one.value("assign", path=["state", "mine"], to=1)
    _, other = called()
    assert other.hello["hello"]["state"] == {"name": ["value"]}


def test_accepting_completes_the_handshake(called: Connect) -> None:
    client, application = called([(b"Sec-WebSocket-Protocol", b"one, two")])
    assert receive(application) == {"type": "websocket.connect"}
    headers = [[b"x-a", b"1"], [b"Set-Cookie", b"a=b"], [b"x-a", b"\xff"]]
    send(application, {**ACCEPT, "subprotocol": "two", "headers": Recipe("iterator", headers)})
    status, fields = client.head()
    assert status == 101
    assert fields == {
        "upgrade": ["websocket"],
        "connection": ["Upgrade"],
        "sec-websocket-accept": ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
        "sec-websocket-protocol": ["two"],
        "x-a": ["1", "\xff"],
        "set-cookie": ["a=b"],
    }


def test_the_handshake_waits_for_the_application(server: Server, called: Connect) -> None:
    client, application = called()
    client.send(frame(TEXT, b"early"))
    assert receive(application) == {"type": "websocket.connect"}
    step = application.started("receive")
    barrier(server)
    assert client.has_nothing()
    send(application, ACCEPT)
    assert application.outcome(step)["value"] == {"type": "websocket.receive", "text": "early"}
    assert client.head()[0] == 101


KEY_OF_15 = base64.b64encode(bytes(15))
REFUSED: dict[str, tuple[int, Extra, dict[str, Any]]] = {
    "post": (400, [], {"line": b"POST / HTTP/1.1"}),
    "body": (400, [(b"Content-Length", b"1")], {}),
    "chunked": (400, [(b"Transfer-Encoding", b"chunked")], {}),
    "no-key": (400, [], {"sec_websocket_key": None}),
    "empty-key": (400, [], {"sec_websocket_key": b""}),
    "short-key": (400, [], {"sec_websocket_key": KEY_OF_15}),
    "long-key": (400, [], {"sec_websocket_key": base64.b64encode(bytes(17))}),
    "no-base64": (400, [], {"sec_websocket_key": b"dGhlIHNhbXBsZSBub25jZ_=="}),
    "unpadded-key": (400, [], {"sec_websocket_key": KEY.rstrip(b"=")}),
    "two-keys": (400, [(b"Sec-WebSocket-Key", KEY)], {}),
    "no-version": (400, [], {"sec_websocket_version": None}),
    "two-versions": (400, [(b"Sec-WebSocket-Version", b"13")], {}),
    "version-8": (426, [], {"sec_websocket_version": b"8"}),
    "version-013": (426, [], {"sec_websocket_version": b"013"}),
    "version-list": (426, [], {"sec_websocket_version": b"13, 8"}),
    "no-host": (400, [], {"host": None}),
    "bad-subprotocol": (400, [(b"Sec-WebSocket-Protocol", b"one two")], {}),
    "bad-extension": (400, [(b"Sec-WebSocket-Extensions", b"permessage-deflate;")], {}),
    "bad-parameter": (400, [(b"Sec-WebSocket-Extensions", b"permessage-deflate; a=b=c")], {}),
    "bad-quotes": (400, [(b"Sec-WebSocket-Extensions", b'permessage-deflate; a="b')], {}),
    "quoted-no-token": (400, [(b"Sec-WebSocket-Extensions", b'permessage-deflate; a="b c"')], {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_handshake_that_is_none_is_refused_without_the_application(server: Server, name: str) -> None:
    status, extra, changed = REFUSED[name]
    client = Client(server)
    client.handshake(extra, **changed)
    answered, fields = client.head()
    assert answered == status
    assert "close" in fields["connection"]
    assert len(client.rest()) == int(fields["content-length"][0])
    if status == 426:
        assert fields["sec-websocket-version"] == ["13"]
        assert fields["upgrade"] == ["websocket"]
        assert fields["connection"] == ["close", "upgrade"]
    barrier(server)  # the first call that comes is this one's
    client.close()


ORDINARY: dict[str, dict[str, Any]] = {
    "another-protocol": {"upgrade": b"h2c"},
    "not-for-the-connection": {"connection": b"keep-alive"},
    "no-upgrade": {"upgrade": None},
    "http-1.0": {"line": b"GET / HTTP/1.0"},
}


@pytest.mark.parametrize("name", ORDINARY)
def test_a_request_for_something_else_is_an_ordinary_one(called: Connect, name: str) -> None:
    client, application = called(**ORDINARY[name])
    assert application.hello["hello"]["type"] == "http"
    send(application, {"type": "http.response.start", "status": 204})
    send(application, {"type": "http.response.body"})
    assert client.head()[0] == 204


@pytest.mark.parametrize(
    "changed",
    [
        {"upgrade": b"WebSocket"},
        {"upgrade": b"h2c, websocket"},
        {"connection": b"keep-alive, UPGRADE"},
        {"line": b"GET http://a.test/chat HTTP/1.1"},
    ],
    ids=["case", "list", "connection-list", "absolute-form"],
)
def test_other_forms_of_a_handshake(opened: Connect, changed: dict[str, bytes]) -> None:
    client, application = opened(**changed)
    send(application, {"type": "websocket.send", "text": "hello"})
    assert client.message() == "hello"


# --- events that the server refuses -----------------------------------------------------------------------------------

INVALID = {
    "no-dict": [],
    "no-type": {},
    "type-none": {"type": None},
    "unknown-type": {"type": "websocket.open"},
    "event-of-http": {"type": "http.response.start", "status": 200},
}
INVALID_CONNECTING: dict[str, Any] = {
    **INVALID,
    "send": {"type": "websocket.send", "text": "a"},
    "denial-body": {"type": "websocket.http.response.body"},
    "subprotocol-not-offered": {**ACCEPT, "subprotocol": "three"},
    "subprotocol-empty": {**ACCEPT, "subprotocol": ""},
    "subprotocol-bytes": {**ACCEPT, "subprotocol": b"one"},
    "headers-int": {**ACCEPT, "headers": 1},
    "headers-text": {**ACCEPT, "headers": [["x-a", "1"]]},
    "headers-pseudo": {**ACCEPT, "headers": [[b":status", b"101"]]},
    "headers-line-break": {**ACCEPT, "headers": [[b"x-a", b"1\r\nx-b: 2"]]},
    "headers-subprotocol": {**ACCEPT, "headers": [[b"Sec-WebSocket-Protocol", b"one"]]},
    "headers-accept": {**ACCEPT, "headers": [[b"sec-websocket-accept", b"one"]]},
    "headers-extensions": {**ACCEPT, "headers": [[b"sec-websocket-extensions", b"permessage-deflate"]]},
    "headers-content-length": {**ACCEPT, "headers": [[b"content-length", b"5"]]},
    "close-code": {"type": "websocket.close", "code": 1005},
    "denial-without-status": {"type": "websocket.http.response.start"},
    "denial-with-101": {"type": "websocket.http.response.start", "status": 101},
}
INVALID_OPEN: dict[str, Any] = {
    **INVALID,
    "accept-again": ACCEPT,
    "denial": {"type": "websocket.http.response.start", "status": 403},
    "neither": {"type": "websocket.send"},
    "neither-none": {"type": "websocket.send", "text": None, "bytes": None},
    "both": {"type": "websocket.send", "text": "", "bytes": b""},
    "text-bytes": {"type": "websocket.send", "text": b"a"},
    "bytes-text": {"type": "websocket.send", "bytes": "a"},
    "bytes-bytearray": {"type": "websocket.send", "bytes": bytearray(b"a")},
    "text-surrogate": {"type": "websocket.send", "text": "\ud800"},
    **{f"code-{code!r}": {"type": "websocket.close", "code": code} for code in (0, 999, 1004, 1005, 1006, 1015, 1016)},
    **{f"code-{code!r}": {"type": "websocket.close", "code": code} for code in (2999, 5000, -1, 65536, "1000", None)},
    "reason-bytes": {"type": "websocket.close", "reason": b"a"},
    "reason-too-long": {"type": "websocket.close", "reason": "é" * 62},
    "reason-surrogate": {"type": "websocket.close", "reason": "\udcff"},
}


@pytest.mark.parametrize("name", INVALID_CONNECTING)
def test_an_event_refused_before_the_handshake_changes_nothing(server: Server, called: Connect, name: str) -> None:
    client, application = called([(b"Sec-WebSocket-Protocol", b"one, two")])
    assert "OSError" not in refused(application, INVALID_CONNECTING[name])
    barrier(server)
    assert client.has_nothing()
    send(application, {**ACCEPT, "subprotocol": "one", "unknown": 1})
    status, fields = client.head()
    assert status == 101
    assert fields["sec-websocket-protocol"] == ["one"]


@pytest.mark.parametrize("name", INVALID_OPEN)
def test_an_event_refused_after_the_handshake_changes_nothing(opened: Connect, name: str) -> None:
    client, application = opened()
    assert "OSError" not in refused(application, INVALID_OPEN[name])
    send(application, {"type": "websocket.send", "text": "good", "unknown": 1})
    assert client.message() == "good"
    client.send(frame(CLOSE))
    client.ended(None)


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["", b"", "é\U0001f600", b"\x00\xff", "a" * 125, b"a" * 126, b"a" * 65536])
def test_messages_pass_both_ways(opened: Connect, message: str | bytes) -> None:
    client, application = opened()
    client.send(*frames.message_frames(message))
    key, other = ("text", "bytes") if isinstance(message, str) else ("bytes", "text")
    assert receive(application) == {"type": "websocket.receive", key: message}
    send(application, {"type": "websocket.send", key: message, other: None})
    sent = client.frame()
    assert sent.opcode == (TEXT if key == "text" else BINARY)
    assert (sent.fin, sent.rsv, sent.size) == (True, (False, False, False), sent.minimal_size)
    assert client.message() == message


def test_fragments_make_one_message_whatever_comes_between(opened: Connect) -> None:
    client, application = opened()
    text = "é€".encode()
    pieces = [
        frame(TEXT, text[:1], fin=False),
        frame(PING, b"one"),
        frame(CONTINUATION, b"", fin=False),
        frame(CONTINUATION, text[1:3], fin=False, mask=b"\0\0\0\0"),
        frame(PONG, b"unasked"),
        frame(CONTINUATION, text[3:]),
        frame(BINARY, b"next"),
    ]
    for byte in b"".join(pieces):
        client.send(bytes([byte]))
    assert receive(application) == {"type": "websocket.receive", "text": "é€"}
    assert receive(application) == {"type": "websocket.receive", "bytes": b"next"}
    pong = client.frame()
    assert (pong.opcode, pong.payload) == (PONG, b"one")


def test_pings_are_answered_in_order_while_the_application_does_nothing(opened: Connect) -> None:
    client, application = opened()
    payloads = [b"", b"\x00\xff", b"x" * 125]
    client.send(frame(TEXT, b"unreceived"), *(frame(PING, payload) for payload in payloads))
    assert [(pong.opcode, pong.payload) for pong in (client.frame(), client.frame(), client.frame())] == [
        (PONG, payload) for payload in payloads
    ]
    assert receive(application)["text"] == "unreceived"


def test_receive_waits_while_other_tasks_send_and_loses_nothing_when_it_is_cancelled(opened: Connect) -> None:
    client, application = opened()
    waiting = application.started("receive")
    send(application, {"type": "websocket.send", "text": "meanwhile"})
    assert client.message() == "meanwhile"
    application.send({"do": "cancel", "target": waiting})
    assert application.outcome(waiting)["cancelled"] is True
    waiting = application.started("receive")
    client.send(frame(TEXT, b"one"), frame(TEXT, b"two"))
    assert application.outcome(waiting)["value"]["text"] == "one"
    assert receive(application)["text"] == "two"


def until_it_waits(connection: socket.socket, step: Callable[[], None]) -> None:
    """Repeat something until it would have to wait for the other end."""
    connection.settimeout(QUIET)
    with suppress(TimeoutError):
        while True:
            step()
    connection.settimeout(LONGEST)


def test_an_application_that_does_not_receive_slows_the_client_down(opened: Connect) -> None:
    client, application = opened()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    message = frame(BINARY, bytes(60_000))
    sent = 0

    def send_more() -> None:
        nonlocal sent
        assert sent < 32 * MEBIBYTE
        sent += client.socket.send(message[sent % len(message) :])

    until_it_waits(client.socket, send_more)
    with ThreadPoolExecutor() as pool:
        rest = pool.submit(client.send, message[sent % len(message) :], frame(TEXT, b"last"))
        for _ in range(sent // len(message) + 1):
            assert len(receive(application)["bytes"]) == 60_000
        assert receive(application)["text"] == "last"
        rest.result(LONGEST)


def test_send_returns_when_the_message_has_been_sent(server: Server) -> None:
    client = Client(server, receive_buffer=65536)
    client.handshake()
    application = server.called()
    send(application, ACCEPT)
    assert client.head()[0] == 101
    event = {"type": "websocket.send", "bytes": bytes(MEBIBYTE)}
    steps = [application.command("send", event=event) for _ in range(16)]
    done: list[int] = []
    until_it_waits(application.connection, lambda: done.append(application.report()["step"]))
    assert len(done) < 16
    for _ in steps:
        assert len(client.frame().payload) == MEBIBYTE
    assert [*done, *(application.report()["step"] for _ in range(16 - len(done)))] == steps
    client.close()
    application.close()


def test_a_client_that_does_not_read_its_pongs_is_slowed_down(opened: Connect) -> None:
    client, _ = opened()
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    pings = frame(PING, bytes(125)) * 1000
    sent = 0

    def send_more() -> None:
        nonlocal sent
        assert sent < 64 * MEBIBYTE
        sent += client.socket.send(pings[sent % len(pings) :])

    until_it_waits(client.socket, send_more)


# --- frames that fail the connection ----------------------------------------------------------------------------------


def wrong(opcode: int, payload: bytes = b"", **what: Any) -> bytes:
    return frame(opcode, payload, **what)


FAILING: dict[str, tuple[int, bytes]] = {
    "unmasked-text": (1002, wrong(TEXT, b"a", mask=None)),
    "unmasked-close": (1002, wrong(CLOSE, b"\x03\xe8", mask=None)),
    "unmasked-header": (1002, b"\x81\x7e"),
    **{f"reserved-bit-{bit}": (1002, wrong(TEXT, b"a", rsv=bit)) for bit in (1, 2, 4)},
    "reserved-bit-in-ping": (1002, wrong(PING, rsv=4)),
    **{f"opcode-{opcode}": (1002, wrong(opcode)) for opcode in (3, 7, 11, 15)},
    "fragmented-ping": (1002, wrong(PING, fin=False)),
    "fragmented-close": (1002, wrong(CLOSE, fin=False)),
    "long-ping": (1002, wrong(PING, bytes(126))),
    "long-ping-header": (1002, b"\x89\xfe"),
    "length-not-minimal-2": (1002, wrong(TEXT, bytes(125), length_bytes=2)),
    "length-not-minimal-8": (1002, wrong(TEXT, bytes(65535), length_bytes=8)),
    "length-negative": (1002, wrong(BINARY, length=1 << 63)),
    "stray-continuation": (1002, wrong(CONTINUATION)),
    "stray-continuation-header": (1002, wrong(CONTINUATION, length=10)),
    "continuation-after-a-message": (1002, wrong(TEXT, b"a") + wrong(CONTINUATION)),
    "message-within-a-message": (1002, wrong(TEXT, b"a", fin=False) + wrong(TEXT, length=10)),
    "no-utf-8": (1007, wrong(TEXT, b"\xff")),
    "utf-8-cut-off": (1007, wrong(TEXT, b"\xc3")),
    "utf-8-cut-off-in-fragments": (1007, wrong(TEXT, b"\xc3", fin=False) + wrong(CONTINUATION)),
    "utf-8-surrogate": (1007, wrong(TEXT, b"\xed\xa0\x80")),
    "utf-8-too-high": (1007, wrong(TEXT, b"\xf4\x90\x80\x80")),
    "utf-8-wrong-in-the-first-fragment": (1007, wrong(TEXT, b"\xff", fin=False)),
    "utf-8-wrong-in-the-first-bytes": (1007, wrong(TEXT, b"a\xff", length=1000)),
    "close-of-one-byte": (1002, wrong(CLOSE, b"\x03")),
    "close-reason-no-utf-8": (1007, wrong(CLOSE, b"\x03\xe8\xff")),
    **{
        f"close-code-{code}": (1002, wrong(CLOSE, struct.pack("!H", code)))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65535)
    },
    "announced-too-big": (1009, wrong(BINARY, length=16 * MEBIBYTE + 1)),
    "announced-too-big-in-fragments": (1009, wrong(BINARY, b"a", fin=False) + wrong(CONTINUATION, length=1 << 24)),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_wrong_frame_fails_the_connection(server: Server, opened: Connect, name: str) -> None:
    code, data = FAILING[name]
    client, application = opened()
    client.send(wrong(TEXT, b"good"), data, wrong(PING), wrong(TEXT, b"behind"))
    client.ended(code)
    texts = []
    while (event := receive(application))["type"] == "websocket.receive":
        texts.append(event["text"])
    assert texts in (["good"], ["good", "a"])
    assert event["code"] == 1006
    assert "OSError" in refused(application, {"type": "websocket.send", "text": "late"})
    server.logged("failed a WebSocket")


def test_the_largest_message_passes(opened: Connect) -> None:
    client, application = opened()
    size = 16 * MEBIBYTE
    client.send(frame(BINARY, bytes(size - 1), fin=False), frame(CONTINUATION, b"!"))
    content = receive(application)["bytes"]
    assert len(content) == size
    assert content.endswith(b"\0!")


# --- how connections end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (b"", 1005, ""),
        *((struct.pack("!H", code), code, "") for code in (1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999)),
        (struct.pack("!H", 1000) + "done é".encode(), 1000, "done é"),
        (struct.pack("!H", 1000) + b"x" * 123, 1000, "x" * 123),
    ],
)
def test_a_close_frame_is_answered_and_reported(opened: Connect, payload: bytes, code: int, reason: str) -> None:
    client, application = opened()
    waiting = application.started("receive")
    client.send(frame(CLOSE, payload), frame(TEXT, b"behind"), frame(PING))
    client.ended(None if code == 1005 else code)
    end = {"type": "websocket.disconnect", "code": code, "reason": reason}
    assert application.outcome(waiting)["value"] == end
    assert receive(application) == end
    assert receive(application) == end
    bases = refused(application, {"type": "websocket.send", "text": "late"})
    assert "OSError" in bases
    assert bases[0] != "OSError"
    client.close()
    finish(application)


def test_messages_come_before_the_disconnect(opened: Connect) -> None:
    client, application = opened()
    client.send(frame(TEXT, b"one"), frame(TEXT, b"two"), frame(CLOSE, b"\x03\xe8"))
    client.ended(1000)
    client.close()
    assert [receive(application).get("text") for _ in range(3)] == ["one", "two", None]


@pytest.mark.parametrize("leave", [Client.close, Client.reset])
@pytest.mark.parametrize("waits", [True, False])
def test_a_client_that_is_gone_is_reported(opened: Connect, leave: Callable[[Client], None], waits: bool) -> None:
    client, application = opened()
    waiting = application.started("receive") if waits else 0
    leave(client)
    assert (application.outcome(waiting)["value"] if waiting else receive(application)) == LOST
    assert receive(application) == LOST
    assert "OSError" in refused(application, {"type": "websocket.send", "text": "late"})


@pytest.mark.parametrize("leave", [Client.close, Client.reset])
def test_a_client_that_leaves_during_the_handshake_is_reported(
    called: Connect, leave: Callable[[Client], None]
) -> None:
    client, application = called()
    leave(client)
    assert receive(application) == {"type": "websocket.connect"}
    assert receive(application) == LOST
    assert "OSError" in refused(application, ACCEPT)
    finish(application)


def test_a_send_that_waits_ends_when_the_client_leaves(opened: Connect) -> None:
    client, application = opened()
    step = application.started("send", event={"type": "websocket.send", "bytes": bytes(32 * MEBIBYTE)})
    assert client.socket.recv(1) == b"\x82"
    client.reset()
    assert "OSError" in application.outcome(step)["raised"]["bases"]


@pytest.mark.parametrize(
    ("keys", "code", "reason"),
    [
        ({}, 1000, ""),
        ({"reason": None}, 1000, ""),
        ({"code": 3000, "reason": "é" * 61}, 3000, "é" * 61),
        ({"code": 4999}, 4999, ""),
        ({"code": 1013, "reason": "later"}, 1013, "later"),
    ],
)
def test_the_application_closes(opened: Connect, keys: dict[str, Any], code: int, reason: str) -> None:
    client, application = opened()
    client.send(frame(TEXT, b"unreceived"))
    send(application, {"type": "websocket.close", **keys})
    assert client.message() == Close(code, reason)
    assert "OSError" in refused(application, {"type": "websocket.send", "text": "late"})
    assert "OSError" in refused(application, {"type": "websocket.close"})
    waiting = application.started("receive")
    client.send(frame(TEXT, b"behind"), frame(PING), frame(CLOSE, struct.pack("!H", 4321) + b"bye"))
    assert client.rest() == b""
    end = {"type": "websocket.disconnect", "code": 4321, "reason": "bye"}
    assert application.outcome(waiting)["value"] == end
    assert receive(application) == end


def test_a_client_that_does_not_answer_a_close_frame_is_not_waited_for(opened: Connect) -> None:
    client, application = opened()
    send(application, {"type": "websocket.close"})
    assert client.message() == Close(1000)
    assert receive(application) == LOST
    assert client.rest() == b""


def test_closing_instead_of_accepting_is_403(server: Server, called: Connect) -> None:
    client, application = called()
    assert receive(application) == {"type": "websocket.connect"}
    send(application, {"type": "websocket.close", "code": 4000, "reason": "no"})
    status, fields = client.head()
    assert status == 403
    assert fields["connection"] == ["close"]
    assert len(client.rest()) == int(fields["content-length"][0])
    assert receive(application) == LOST
    assert receive(application) == LOST
    for event in (ACCEPT, {"type": "websocket.close"}, {"type": "websocket.send", "text": "late"}):
        assert "OSError" in refused(application, event)
    finish(application)


@pytest.mark.parametrize("length", [None, 8])
def test_a_denial_response_is_an_http_response(server: Server, called: Connect, length: int | None) -> None:
    client, application = called()
    assert receive(application) == {"type": "websocket.connect"}
    headers = [[b"x-a", b"1"], [b"x-a", b"2"]] + ([[b"content-length", b"%d" % length]] if length else [])
    send(application, {"type": "websocket.http.response.start", "status": 401, "headers": headers})
    for event in (ACCEPT, {"type": "websocket.close"}, {"type": "websocket.http.response.start", "status": 403}):
        refused(application, event)
    barrier(server)
    assert client.has_nothing()
    send(application, {"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
    status, fields = client.head()
    assert status == 401
    assert fields["x-a"] == ["1", "2"]
    assert fields["connection"] == ["close"]
    assert "date" in fields
    refused(application, {"type": "websocket.http.response.body", "body": "text"})
    waiting = application.started("receive")
    send(application, {"type": "websocket.http.response.body", "body": b"are?"})
    assert application.outcome(waiting)["value"] == LOST
    assert client.rest() == (b"who are?" if length else b"4\r\nwho \r\n4\r\nare?\r\n0\r\n\r\n")
    assert "OSError" in refused(application, {"type": "websocket.http.response.body"})
    assert receive(application) == LOST
    finish(application)


def test_a_denial_that_is_cut_off_shows(called: Connect) -> None:
    client, application = called()
    send(application, {"type": "websocket.http.response.start", "status": 401})
    send(application, {"type": "websocket.http.response.body", "body": b"who ", "more_body": True})
    finish(application)
    assert client.head()[0] == 401
    assert client.rest() == b"4\r\nwho \r\n"


# --- an older claim ---------------------------------------------------------------------------------------------------


def test_an_older_server_has_no_reason_and_ignores_what_comes_too_late(older: Server, opened: Connect) -> None:
    client, application = opened(on=older)
    assert application.hello["hello"]["asgi"]["spec_version"] == "2.3"
    client.send(frame(CLOSE, struct.pack("!H", 4000) + b"bye"))
    client.ended(4000)
    assert receive(application) == {"type": "websocket.disconnect", "code": 4000}
    send(application, {"type": "websocket.send", "text": "late"})
    send(application, {"type": "websocket.close"})


def test_an_older_server_sends_reasons(older: Server, opened: Connect) -> None:
    client, application = opened(on=older)
    send(application, {"type": "websocket.close", "code": 4000, "reason": "bye"})
    send(application, {"type": "websocket.send", "text": "late"})
    assert client.message() == Close(4000, "bye")
    client.send(frame(CLOSE, b"\x03\xe8"))
    assert client.rest() == b""


# --- what goes wrong in the application -------------------------------------------------------------------------------

RAISING = {"do": "raise", "kind": "own", "text": "a mistake of the application"}


@pytest.mark.parametrize("how", [{}, RAISING], ids=["returns", "raises"])
@pytest.mark.parametrize("started", [False, True])
def test_an_application_that_leaves_the_handshake_unanswered(
    server: Server, called: Connect, how: Any, started: bool
) -> None:
    client, application = called()
    if started:
        send(application, {"type": "websocket.http.response.start", "status": 401})
    finish(application, **how)
    status, fields = client.head()
    assert status == 500
    assert len(client.rest()) == int(fields["content-length"][0])
    server.logged("a mistake of the application" if how else "before the handshake was answered")


@pytest.mark.parametrize(("how", "code"), [({}, 1000), (RAISING, 1011)], ids=["returns", "raises"])
def test_an_application_that_ends_without_closing(server: Server, opened: Connect, how: Any, code: int) -> None:
    client, application = opened()
    client.send(frame(TEXT, b"unreceived"))
    finish(application, **how)
    assert client.message() == Close(code)
    client.send(frame(CLOSE, struct.pack("!H", code)))
    assert client.rest() == b""
    if how:
        server.logged("a mistake of the application")


def test_the_error_of_a_closed_connection_is_not_logged(server: Server, opened: Connect) -> None:
    client, application = opened()
    client.close()
    assert receive(application) == LOST
    refused(application, {"type": "websocket.send", "text": "late"})
    while not server.log.empty():
        server.log.get()
    finish(application, do="raise", kind="again")
    barrier(server)
    assert server.log.empty()


# --- stopping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unreceived", [0, 70_000])
def test_a_stopping_server_closes_what_is_open(tmp_path: Path, unreceived: int) -> None:
    server = Server(tmp_path)
    try:
        client = Client(server)
        client.handshake()
        application = server.called()
        assert receive(application) == {"type": "websocket.connect"}
        send(application, ACCEPT)
        assert client.head()[0] == 101
        client.send(*[frame(BINARY, bytes(unreceived))] * bool(unreceived))
        barrier(server)
        server.process.send_signal(signal.SIGTERM)
        assert client.message() == Close(1012)
        assert "OSError" in refused(application, {"type": "websocket.send", "text": "late"})
        client.send(frame(CLOSE, struct.pack("!H", 1012)))
        assert client.rest() == b""
        while (event := receive(application))["type"] == "websocket.receive":
            assert event == {"type": "websocket.receive", "bytes": bytes(unreceived)}
        assert event == {"type": "websocket.disconnect", "code": 1012, "reason": ""}
        client.close()
        finish(application)
        assert receive(server.lifespan) == {"type": "lifespan.shutdown"}
        server.lifespan.value("send", event={"type": "lifespan.shutdown.complete"})
        finish(server.lifespan)
        assert server.process.wait(LONGEST) == 0
    finally:
        server.close()


# --- permessage-deflate -----------------------------------------------------------------------------------------------


def offer(value: bytes = b"permessage-deflate") -> Extra:
    return [(b"Sec-WebSocket-Extensions", value)]


NEGOTIATED: dict[bytes, bytes | None] = {
    b"permessage-deflate": b"permessage-deflate",
    b"x-other; a=1, permessage-deflate": b"permessage-deflate",
    b"permessage-deflate; client_max_window_bits": b"permessage-deflate",
    b"permessage-deflate; client_max_window_bits=8": b"permessage-deflate; client_max_window_bits=8",
    b'permessage-deflate; client_max_window_bits="1\\0"': b"permessage-deflate; client_max_window_bits=10",
    b"permessage-deflate ;server_max_window_bits = 9": b"permessage-deflate; server_max_window_bits=9",
    b"permessage-deflate; server_no_context_takeover; client_no_context_takeover": (
        b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    ),
    b"permessage-deflate; foo, permessage-deflate": b"permessage-deflate",
    b"permessage-deflate; server_max_window_bits=8, permessage-deflate": b"permessage-deflate",
    b"permessage-deflate; server_max_window_bits=10, permessage-deflate": (
        b"permessage-deflate; server_max_window_bits=10"
    ),
    b"x-webkit-deflate-frame": None,
    b"permessage-deflate; foo": None,
    b"permessage-deflate; server_max_window_bits": None,
    b"permessage-deflate; server_max_window_bits=7": None,
    b"permessage-deflate; server_max_window_bits=16": None,
    b"permessage-deflate; server_max_window_bits=010": None,
    b"permessage-deflate; client_max_window_bits=08": None,
    b"permessage-deflate; client_max_window_bits=x": None,
    b"permessage-deflate; server_no_context_takeover=1": None,
    b"permessage-deflate; client_no_context_takeover; client_no_context_takeover": None,
}


@pytest.mark.parametrize("offered", NEGOTIATED, ids=bytes.decode)
def test_the_first_offer_that_is_right_is_accepted(called: Connect, offered: bytes) -> None:
    client, application = called(offer(offered))
    send(application, ACCEPT)
    agreed = NEGOTIATED[offered]
    assert client.head()[1].get("sec-websocket-extensions") == (None if agreed is None else [agreed.decode()])


def compressor(bits: int = 15) -> Callable[[bytes], bytes]:
    """A function that compresses messages, each with the help of those before it."""
    state = zlib.compressobj(wbits=-bits)
    return lambda data: (state.compress(data) + state.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


@pytest.mark.parametrize(
    "parameters",
    [
        b"",
        b"; server_no_context_takeover",
        b"; client_no_context_takeover",
        b"; server_max_window_bits=9; client_max_window_bits=9",
        b"; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10",
    ],
)
def test_compressed_messages_pass_both_ways(opened: Connect, parameters: bytes) -> None:
    client, application = opened(offer(b"permessage-deflate" + parameters))
    noise = hashlib.sha256(b"noise").digest() * 40
    for message in ("hello" * 100, "", b"", "hello" * 100, noise, noise, b"\0" * 100_000, ""):
        client.send(*frames.message_frames(message, (1, 2), client.reader.deflate))
        key = "text" if isinstance(message, str) else "bytes"
        assert receive(application) == {"type": "websocket.receive", key: message}
        send(application, {"type": "websocket.send", key: message})
        sent = client.frame()
        assert sent.rsv == (True, False, False)
        assert sent.opcode == (TEXT if key == "text" else BINARY)
        assert client.message() == message
    client.send(frame(PING, b"plain"))
    pong = client.frame()
    assert (pong.payload, pong.rsv) == (b"plain", (False, False, False))


def test_the_server_takes_its_context_over_only_where_it_may(opened: Connect) -> None:
    text = hashlib.sha256(b"text").hexdigest() * 4
    for parameters, shrinks in ((b"", True), (b"; server_no_context_takeover", False)):
        client, application = opened(offer(b"permessage-deflate" + parameters))
        sizes = []
        for _ in range(2):
            send(application, {"type": "websocket.send", "text": text})
            sizes.append(client.frame().size)
        assert (sizes[1] < sizes[0]) is shrinks


def test_the_server_keeps_to_the_window_that_was_agreed_on(opened: Connect) -> None:
    client, application = opened(offer(b"permessage-deflate; server_max_window_bits=9"))
    content = hashlib.shake_128(b"content").digest(700) * 3
    send(application, {"type": "websocket.send", "bytes": content})
    assert zlib.decompressobj(-9).decompress(client.frame().payload + b"\0\0\xff\xff") == content


FINAL = bytes.fromhex("f348cdc9c9070000")  # RFC 7692, section 7.2.3.4: "Hello" in a final block
ACCEPTED: dict[str, tuple[list[bytes], list[str]]] = {
    "rfc-one-block": ([frame(TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4)], ["Hello"]),
    "rfc-fragmented": (
        [frame(TEXT, bytes.fromhex("f248cd"), fin=False, rsv=4), frame(CONTINUATION, bytes.fromhex("c9c90700"))],
        ["Hello"],
    ),
    "rfc-takeover": (
        [frame(TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4), frame(TEXT, bytes.fromhex("f200110000"), rsv=4)],
        ["Hello", "Hello"],
    ),
    "rfc-stored": ([frame(TEXT, bytes.fromhex("000500faff48656c6c6f00"), rsv=4)], ["Hello"]),
    "rfc-final-block": ([frame(TEXT, FINAL, rsv=4)] * 2, ["Hello", "Hello"]),
    "rfc-two-blocks": ([frame(TEXT, bytes.fromhex("f24805000000ffffcac9c90700"), rsv=4)], ["Hello"]),
    "takeover-behind-a-final-block": (
        [frame(TEXT, FINAL, rsv=4), frame(TEXT, bytes.fromhex("f200110000"), rsv=4)],
        ["Hello", "Hello"],
    ),
    "final-block-in-the-middle": ([frame(TEXT, FINAL[:-1] + bytes.fromhex("f248cdc9c90700"), rsv=4)], ["HelloHello"]),
    "rfc-empty": ([frame(TEXT, b"\0", rsv=4)], [""]),
    "no-payload-in-fragments": (
        [frame(TEXT, rsv=4, fin=False), frame(CONTINUATION, FINAL, fin=False), frame(CONTINUATION)],
        ["Hello"],
    ),
    "ping-between": (
        [
            frame(TEXT, bytes.fromhex("f248cd"), fin=False, rsv=4),
            frame(PING, b"p"),
            frame(CONTINUATION, bytes.fromhex("c9c90700")),
        ],
        ["Hello"],
    ),
    "uncompressed-between": (
        [
            frame(TEXT, bytes.fromhex("f248cdc9c90700"), rsv=4),
            frame(TEXT, b"plain"),
            frame(TEXT, bytes.fromhex("f200110000"), rsv=4),
        ],
        ["Hello", "plain", "Hello"],
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_message_may_be_compressed_in_many_ways(opened: Connect, name: str) -> None:
    data, texts = ACCEPTED[name]
    client, application = opened(offer())
    client.send(*data)
    assert [receive(application)["text"] for _ in texts] == texts


BOMB = compressor()(bytes(16 * MEBIBYTE + 1))
COMPRESSED_FAILING: dict[str, tuple[int, bytes]] = {
    "no-deflate": (1007, wrong(TEXT, b"\xff\xff\xff", rsv=4)),
    "no-utf-8": (1007, wrong(TEXT, compressor()(b"\xff"), rsv=4)),
    "utf-8-cut-off": (1007, wrong(TEXT, compressor()(b"\xc3"), rsv=4)),
    "final-block-without-the-end": (1007, wrong(TEXT, FINAL[:-1], rsv=4)),
    "refers-to-before-the-beginning": (1007, wrong(TEXT, bytes.fromhex("f200110000"), rsv=4)),
    "bit-in-continuation": (1002, wrong(TEXT, b"\xf2", fin=False, rsv=4) + wrong(CONTINUATION, rsv=4)),
    "bit-in-ping": (1002, wrong(PING, rsv=4)),
    "other-bit": (1002, wrong(TEXT, b"\0", rsv=6)),
    "message-within-a-message": (1002, wrong(TEXT, b"\xf2", fin=False, rsv=4) + wrong(TEXT, b"hello")),
    "bomb": (1009, wrong(BINARY, BOMB, rsv=4)),
    "bomb-in-fragments": (1009, wrong(BINARY, BOMB[:9000], fin=False, rsv=4) + wrong(CONTINUATION, BOMB[9000:])),
}


@pytest.mark.parametrize("name", COMPRESSED_FAILING)
def test_a_wrong_compressed_message_fails_the_connection(opened: Connect, name: str) -> None:
    code, data = COMPRESSED_FAILING[name]
    client, application = opened(offer())
    client.send(data)
    client.ended(code)
    assert receive(application)["code"] == 1006


def test_the_largest_message_passes_compressed(opened: Connect) -> None:
    client, application = opened(offer())
    client.send(frame(BINARY, compressor()(bytes(16 * MEBIBYTE)), rsv=4))
    assert receive(application)["bytes"] == bytes(16 * MEBIBYTE)


def test_without_an_agreement_nothing_is_compressed(opened: Connect) -> None:
    client, application = opened()
    send(application, {"type": "websocket.send", "text": "a" * 1000})
    assert client.frame().rsv == (False, False, False)


# --- another client ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["deflate", None])
def test_a_client_that_others_have_written(server: Server, compression: str | None) -> None:
    address = f"ws://127.0.0.1:{server.port}/chat"
    with ThreadPoolExecutor() as pool:
        connecting = pool.submit(lambda: connect(address, compression=compression, subprotocols=[Subprotocol("chat")]))
        application = server.called()
        send(application, {**ACCEPT, "subprotocol": "chat"})
        assert receive(application) == {"type": "websocket.connect"}
        with connecting.result(LONGEST) as client:
            assert client.subprotocol == "chat"
            client.send(["in ", "three ", "fragments"])
            assert receive(application)["text"] == "in three fragments"
            send(application, {"type": "websocket.send", "bytes": b"\xff" * 70000})
            assert client.recv(LONGEST) == b"\xff" * 70000
            assert client.ping().wait(LONGEST)
            client.close(3000, "bye")
            assert client.close_code == 3000
    assert receive(application) == {"type": "websocket.disconnect", "code": 3000, "reason": "bye"}
    application.close()
