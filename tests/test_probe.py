"""The probe does in a server what it is told, on asyncio and on trio, and returns quietly when nobody is there."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from asgi_conformance.fixtures.probe import asgi_probe
from asgi_conformance.fixtures.probe.asgi_probe import CONTROL, Foreign, ProbeError, ProbeExit, Recipe
from asgi_conformance.tests.near_end import LONGEST, SERVERS, NearEnd, Server, listener

SCOPE = {"type": "http", "headers": [(b"host", b"a"), [b"b", b"\xff"]], "state": {"list": ["one"]}}
Call = tuple[Server, NearEnd]


@pytest.fixture(params=SERVERS)
def library(request: pytest.FixtureRequest) -> str:
    """The event loop library that the server runs."""
    name: str = request.param
    return name


@pytest.fixture
def call(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Call]]:
    """A function that has a server call the probe, and returns the server and the near end."""
    with ExitStack() as stack:

        def begin(scope: Any = SCOPE, address: str = "unix") -> Call:
            listening, control = stack.enter_context(listener(address, tmp_path))
            monkeypatch.setenv(CONTROL, control)
            server = SERVERS[library](scope)
            server.start()
            connection, _ = listening.accept()
            stack.callback(server.join)
            stack.callback(connection.close)
            return server, NearEnd(connection)

        yield begin


# --- what it reports of a call ----------------------------------------------------------------------------------------


def test_it_reports_the_scope_as_it_is_and_where_it_runs(call: Callable[..., Call], library: str) -> None:
    """The first message holds the scope with its exact types, and tells process, thread, loop and callables."""
    _, near = call()
    hello = near.hello
    assert hello["hello"] == SCOPE
    assert [type(pair) for pair in hello["hello"]["headers"]] == [tuple, list]
    assert hello["pid"] == os.getpid()
    assert hello["main_thread"] is False
    assert hello["library"] == library
    assert isinstance(hello["loop_id"], int)
    assert hello["loop"] == "trio" or hello["loop"].endswith("EventLoop")
    assert hello["callables"] == ["method", "method"]


def test_it_reports_a_scope_of_another_class(call: Callable[..., Call]) -> None:
    """A scope that is a subclass of dict arrives as what it is."""

    class Scope(dict[str, Any]):
        pass

    _, near = call(Scope(SCOPE))
    scope = near.hello["hello"]
    assert isinstance(scope, Foreign)
    assert scope.type.endswith("Scope")
    assert scope.value == SCOPE


# --- receive and send -------------------------------------------------------------------------------------------------


def test_receive_returns_the_event(call: Callable[..., Call]) -> None:
    """The event arrives with its exact types."""
    server, near = call()
    server.events.append({"type": "http.request", "body": bytearray(b"abc"), "more_body": False})
    event = near.value("receive")
    assert event == {"type": "http.request", "body": b"abc", "more_body": False}
    assert type(event["body"]) is bytearray


def test_send_hands_over_the_event(call: Callable[..., Call]) -> None:
    """The server gets the event with its exact types, and the report says that ``send`` returned ``None``."""
    server, near = call()
    event = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b"), [b"c", b"d"]], "more": (None, 1.5)}
    report = near.ask("send", event=event)
    assert report["value"] is None
    assert report["from"] <= report["at"]
    assert server.sent == [event]
    assert [type(pair) for pair in server.sent[0]["headers"]] == [tuple, list]


def test_it_makes_the_values_that_only_it_can_make(call: Callable[..., Call]) -> None:
    """Recipes become iterators, subclasses, enumerations and objects in the server's process."""
    server, near = call()
    near.value(
        "send",
        event={
            "type": Recipe("str subclass", "a"),
            "status": Recipe("int enum", 200),
            "headers": Recipe("iterator", [[b"a", Recipe("bytes subclass", b"b")]]),
            "extra": (Recipe("dict subclass", {"a": 1}), Recipe("object")),
        },
    )
    (event,) = server.sent
    assert (event["type"], event["status"]) == ("a", 200)
    assert type(event["type"]).__mro__[1] is str
    assert type(event["status"]).__name__ == "Number"
    assert not hasattr(event["headers"], "__len__")
    ((name, value),) = event["headers"]
    assert (type(name), type(value).__mro__[1]) == (bytes, bytes)
    assert type(event["extra"][0]).__mro__[1] is dict
    assert type(event["extra"][1]) is object


@pytest.mark.parametrize("address", ["unix", "tcp"])
def test_large_bodies_go_both_ways(call: Callable[..., Call], address: str) -> None:
    """A million bytes arrive whole in either direction, over either kind of control connection."""
    body = bytes(range(256)) * 4096
    server, near = call(address=address)
    server.events.append({"type": "http.request", "body": body, "more_body": True})
    assert near.value("receive")["body"] == body
    near.value("send", event={"type": "http.response.body", "body": body})
    assert server.sent == [{"type": "http.response.body", "body": body}]


def test_what_send_raises_is_reported_and_the_call_goes_on(call: Callable[..., Call]) -> None:
    """An exception of ``send`` is told by its class, its bases and its text."""
    server, near = call()
    server.errors.append(ConnectionResetError("gone"))
    raised = near.ask("send", event={"type": "a"})["raised"]
    assert (raised["type"], raised["text"]) == ("ConnectionResetError", "gone")
    assert "OSError" in raised["bases"]
    assert near.ask("send", event={"type": "b"})["value"] is None


def test_a_pending_receive_while_sending(call: Callable[..., Call]) -> None:
    """With ``receive`` under way in a task of its own, ``send`` works, and ``receive`` returns when its event comes."""
    server, near = call()
    pending = near.command("receive", task=True)
    assert server.entered.wait(LONGEST)
    assert near.ask("send", event={"type": "other"})["value"] is None
    sending = near.command("send", event={"type": "next"})
    reports = {report["step"]: report["value"] for report in (near.report(), near.report())}
    assert reports == {pending: {"type": "next"}, sending: None}


def test_cancelling_a_pending_receive(call: Callable[..., Call]) -> None:
    """The report says that it was cancelled; the application goes on and may receive again."""
    server, near = call()
    pending = near.command("receive", task=True)
    assert server.entered.wait(LONGEST)
    near.send({"do": "cancel", "target": pending})
    report = near.report()
    assert (report["step"], report["cancelled"]) == (pending, True)
    again = near.command("receive", task=True)
    near.command("send", event={"type": "next"})
    values = {report["step"]: report["value"] for report in (near.report(), near.report())}
    assert values[again] == {"type": "next"}


def test_cancelling_a_receive_at_once(call: Callable[..., Call]) -> None:
    """The order to cancel may come in one piece with the command that it is about."""
    _, near = call()
    near.send({"do": "receive", "step": 77, "task": True}, {"do": "cancel", "target": 77})
    reports: dict[int, dict[str, Any]] = {}
    for _ in range(3):  # barriers: the event loop has to turn a few times for a cancellation
        barrier = near.command("look", path=["type"])
        while barrier not in reports:
            report = near.report()
            reports[report["step"]] = report
    assert reports.get(77, {}).get("cancelled") is True


# --- everything else that it can be told ------------------------------------------------------------------------------


def test_a_whole_script_at_once(call: Callable[..., Call]) -> None:
    """Commands that are sent in one piece are carried out in their order, up to the return."""
    server, near = call()
    server.events += [{"type": "one"}, {"type": "two"}]
    near.send(
        {"do": "receive", "step": 1},
        {"do": "send", "step": 2, "event": {"type": "a"}},
        {"do": "receive", "step": 3},
        {"do": "send", "step": 4, "event": {"type": "b"}},
        {"do": "return"},
    )
    reports = [near.report() for _ in range(5)]
    assert [report.get("step") for report in reports] == [1, 2, 3, 4, None]
    assert [report.get("value") for report in reports[:4]] == [{"type": "one"}, None, {"type": "two"}, None]
    assert reports[4]["bye"] == "return"
    assert server.sent == [{"type": "a"}, {"type": "b"}]
    assert server.join() == "returned"


def test_it_assigns_looks_and_identifies(call: Callable[..., Call]) -> None:
    """What is assigned is in the scope that the server passed, and an object's identity is its own."""
    scope: dict[str, Any] = {"type": "http", "state": {"list": ["one"]}}
    _, near = call(scope)
    assert near.value("assign", path=["state", "new"], to=(b"x",)) is None
    assert scope["state"]["new"] == (b"x",)
    assert near.value("look", path=["state"]) == {"list": ["one"], "new": (b"x",)}
    assert near.value("identify", path=["state", "list"]) == id(scope["state"]["list"])
    assert near.ask("look", path=["nothing"])["raised"]["type"] == "KeyError"


def test_it_blocks_the_event_loop(call: Callable[..., Call]) -> None:
    """It blocks for as long as it is told to."""
    _, near = call()
    report = near.ask("block", seconds=0.02)
    assert report["at"] - report["from"] >= 0.02


def test_it_knows_what_it_cannot_do(call: Callable[..., Call]) -> None:
    """An unknown command raises in the application, and the call goes on."""
    _, near = call()
    assert near.ask("dance")["raised"]["text"] == "the probe knows no command 'dance'"
    assert near.value("look", path=["type"]) == "http"


# --- the end of a call ------------------------------------------------------------------------------------------------


def test_it_returns(call: Callable[..., Call]) -> None:
    """It says so, closes the control connection and returns."""
    server, near = call()
    near.send({"do": "return"})
    assert near.report()["bye"] == "return"
    assert near.over()
    assert server.join() == "returned"


@pytest.mark.parametrize(
    ("kind", "expected"), [("ProbeError", ProbeError), ("OSError", OSError), ("again", ProbeError)]
)
def test_it_raises(call: Callable[..., Call], kind: str, expected: type[Exception]) -> None:
    """It raises an exception of the kind and with the text that it is told; ``again`` without one before is its own."""
    server, near = call()
    near.send({"do": "raise", "kind": kind, "text": "as told"})
    assert near.report()["bye"] == "raise"
    ended = server.join()
    assert type(ended) is expected
    assert str(ended) == "as told"


def test_it_raises_what_send_raised(call: Callable[..., Call]) -> None:
    """``again`` raises the very exception that came out of ``send``."""
    server, near = call()
    error = ConnectionResetError("gone")
    server.errors.append(error)
    near.ask("send", event={"type": "a"})
    near.send({"do": "raise", "kind": "again"})
    assert server.join() is error


def test_it_raises_outside_of_exception(call: Callable[..., Call], library: str) -> None:
    """``cancel`` raises what is no ``Exception``: asyncio's own cancellation, a class of the probe's on trio."""
    server, near = call()
    near.send({"do": "raise", "kind": "cancel", "text": "as told"})
    ended = server.join()
    if library == "asyncio":
        assert ended == "cancelled"
    else:
        assert type(ended) is ProbeExit


@pytest.mark.parametrize("doing", ["nothing", "a step", "a task"])
def test_the_server_cancels_the_call(call: Callable[..., Call], doing: str) -> None:
    """The cancellation is reported and goes on its way, whatever the application is doing."""
    server, near = call()
    if doing != "nothing":
        near.command("receive", task=doing == "a task")
        assert server.entered.wait(LONGEST)
    server.cancel()
    assert near.report()["bye"] == "cancelled"
    assert near.over()
    assert server.join() == "cancelled"


@pytest.mark.parametrize("doing", ["nothing", "a step", "a task"])
def test_the_test_goes_away(call: Callable[..., Call], doing: str, caplog: pytest.LogCaptureFixture) -> None:
    """The application returns quietly, whatever it is doing, and leaves nothing for the event loop to complain of."""
    server, near = call()
    if doing != "nothing":
        near.command("receive", task=doing == "a task")
        assert server.entered.wait(LONGEST)
    near.close()
    assert server.join() == "returned"
    gc.collect()
    assert caplog.messages == []


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_nobody_listens(library: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a control address at which nobody listens any more, the application returns quietly."""
    with socket.socket() as bound:  # and so nobody else can listen there
        bound.bind(("127.0.0.1", 0))
        address = f"unix:{tmp_path}/nothing" if kind == "unix" else "tcp:{}:{}".format(*bound.getsockname())
        monkeypatch.setenv(CONTROL, address)
        server = SERVERS[library](SCOPE)
        server.start()
        assert server.join() == "returned"


def test_no_address(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a control address the application says what is missing."""
    monkeypatch.delenv(CONTROL, raising=False)
    server = SERVERS[library](SCOPE)
    server.start()
    ended = server.join()
    assert isinstance(ended, RuntimeError)
    assert str(ended) == "asgi_probe: the environment variable ASGI_PROBE_CONTROL names no control address"


# --- other interpreters -----------------------------------------------------------------------------------------------

_HOST = """
import asyncio, asgi_probe

async def receive():
    return {"type": "http.request", "body": b"x" * 1000, "more_body": False}

sent = []

async def send(event):
    sent.append(event)
    if event["type"] == "wait":
        await asyncio.get_running_loop().create_future()
    if event["type"] == "fail":
        raise OSError("as told")

asyncio.run(asgi_probe.app({"type": "http", "headers": [(b"host", b"a")]}, receive, send))
print(sent)
"""


def _interpreters() -> list[Any]:
    """Other CPythons on this machine that the probe has to run on, one of each version that is found."""
    found = []
    for version in ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"):
        folders = [*map(Path, os.get_exec_path()), *Path.home().glob(f".pyenv/versions/{version}.*/bin")]
        paths = [folder / f"python{version}" for folder in folders if folder.name != "shims"]
        path = next((path for path in paths if path.is_file()), None)
        skip = pytest.mark.skip(reason=f"no CPython {version} in PATH or in ~/.pyenv/versions")
        found.append(pytest.param(path, id=version, marks=() if path else skip))
    return found


@pytest.mark.parametrize("python", _interpreters())
def test_another_interpreter(python: Path, tmp_path: Path) -> None:
    """The probe alone, with nothing of the suite, has a short conversation on another version of CPython."""
    with listener("unix", tmp_path) as (listening, address):
        process = subprocess.Popen(
            [python, "-W", "error", "-c", _HOST],
            env={"PYTHONPATH": str(Path(asgi_probe.__file__).parent), CONTROL: address},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            near = NearEnd(listening.accept()[0])
            assert python.name == "python" + near.hello["python"].rpartition(".")[0]
            assert near.value("receive") == {"type": "http.request", "body": b"x" * 1000, "more_body": False}
            assert near.ask("send", event={"type": "fail"})["raised"]["type"] == "OSError"
            pending = near.command("send", event={"type": "wait"}, task=True)
            assert near.value("look", path=["headers"]) == [(b"host", b"a")]
            near.send({"do": "cancel", "target": pending})
            assert near.report()["cancelled"] is True
            near.send({"do": "return"})
            assert near.report()["bye"] == "return"
            output, _ = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
            process.wait()
    assert (process.returncode, output) == (0, "[{'type': 'fail'}, {'type': 'wait'}]\n")
