"""`asgi-conformance repro`: scripts that show a fault of the reference server, and what no script can be made of."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgi_conformance.fixtures.probe.asgi_probe import Recipe
from asgi_conformance.reporting import reproduction
from asgi_conformance.reporting.repro import literal
from asgi_conformance.servers.reference.adapter import reference
from asgi_conformance.tests.fakes import BARE, Outcome, Run

Make = Callable[..., Outcome]
NEVER_TOLD_AGAIN = "conformance/http/test_disconnect.py::test_disconnect_after_the_response_is_repeatable[http1]"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Carry out ``repro`` with the reference server, under a fault if one is named, and return the outcome."""

    def run(check: str, *arguments: str, fault: str = "") -> Outcome:
        given = [f"--server-args=--fault {fault}"] if fault else []
        output = ("-o", "script.py")
        module = "asgi_conformance.reporting.cli"
        plugin = ("-p", "pytest_asyncio.plugin", "--time-scale=0.4")
        return Run(tmp_path, module, "repro", check, *output, *given, *plugin, *arguments, environment=BARE).outcome()

    return run


def run_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script that was made, isolated from this environment but for the interpreter that has the server."""
    command = [sys.executable, "-I", "script.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        pytest.param("disconnect-only-once", NEVER_TOLD_AGAIN, id="what-does-not-come"),
        pytest.param(
            "path-not-decoded",
            "conformance/http/test_scope_path.py::test_percent_encoded_octets_are_decoded[http1-space]",
            id="scope",
        ),
        pytest.param(
            "held-back-until-the-last",
            "conformance/http/test_response_body.py::test_each_piece_is_flushed[http1-with-length]",
            id="bytes-that-do-not-come",
        ),
        pytest.param(
            "ws-code-always-1000",
            "conformance/websocket/test_closing.py::test_code_is_the_clients[http1-3000]",
            id="websocket",
        ),
        pytest.param("path-not-decoded", "conformance/http/test_any_request.py::test_path[http1]", id="property"),
        pytest.param("name-bytes", "conformance/tls/test_client_certificates.py::test_name_is_a_string", id="tls"),
        pytest.param(
            "lifespan-type-wrong",
            "conformance/lifespan/test_scope.py::test_type_is_lifespan[http1]",
            id="lifespan-of-an-ordinary-server",
        ),
        pytest.param(
            "shutdown-failed-not-logged",
            "conformance/lifespan/test_shutdown.py::test_message_is_logged_and_the_server_ends[then-returns]",
            id="lifespan-signal-and-log",
        ),
        pytest.param(
            "unix-socket-left-behind",
            "conformance/process/test_sockets.py::test_unix_socket_is_removed",
            id="process",
        ),
    ],
)
def test_script_shows_the_failure(tmp_path: Path, make: Make, fault: str, check: str) -> None:
    """It says REPRODUCED of the server with the fault, on its own, and NOT REPRODUCED of the one without."""
    outcome = make(check, fault=fault)
    assert (outcome.status, outcome.left) == (0, []), outcome.output
    again = run_script(tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    lines = again.stdout.splitlines()
    assert lines[-1].startswith("REPRODUCED")
    for word in ("requirement", "expected", "complaint", "this time"):
        assert any(line.startswith(f"{word} ") for line in lines)
    tls = f"{reference.certificate} {reference.client_certificates}" if "/tls/" in check else ""
    command = f"--command={reference.command} {reference.tcp} {tls}"
    without = run_script(tmp_path, command, "--attempts=1", "--time-scale=0.3")
    assert without.returncode == 1, without.stdout + without.stderr
    assert "\nNOT REPRODUCED" in without.stdout
    assert "    recorded: " in without.stdout


def test_difference_is_told_where_it_is(tmp_path: Path, make: Make) -> None:
    """A server without the fault is told apart by the one key of the scope that it has right, in the last attempt."""
    check = "conformance/http/test_scope_path.py::test_percent_encoded_octets_are_decoded[http1-space]"
    make(check, fault="path-not-decoded")
    without = run_script(tmp_path, f"--command={reference.command} {reference.tcp}", "--attempts=2", "--time-scale=0.3")
    told = without.stdout.partition("\nNOT REPRODUCED in 2 attempts: ")[2].splitlines()[1:]
    assert told == ["  call 1 was called with path", "      recorded: '/a%20b'", "      now:      '/a b'"]


def test_script_is_made_of_what_every_interpreter_has(tmp_path: Path, make: Make) -> None:
    """It is Python 3.8, imports the standard library only, and says how to get the server that is not installed."""
    outcome = make(NEVER_TOLD_AGAIN, fault="disconnect-only-once")
    assert outcome.status == 0, outcome.output
    tree = ast.parse((tmp_path / "script.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {*sys.stdlib_module_names}
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    done = run_script(tmp_path, f"--python={bare}/bin/python")
    assert done.returncode == 2
    assert done.stderr.startswith("reference is not installed for ")
    assert "pip install asgi-conformance" in done.stderr
    assert run_script(tmp_path, "--python=no-such-python").returncode == 2
    assert run_script(tmp_path, "--attempts=0").returncode == 2
    gone = run_script(tmp_path, "--command=no-such-server {app}")
    assert (gone.returncode, gone.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("check", "status", "said"),
    [
        (NEVER_TOLD_AGAIN, 1, "pass: there is nothing to reproduce"),
        ("conformance/http/test_disconnect.py::test_no_such", 2, "there is no check "),
        ("conformance/http/test_disconnect.py", 2, "repro takes the id of one check, and this names "),
    ],
)
def test_what_there_is_no_script_of(tmp_path: Path, make: Make, check: str, status: int, said: str) -> None:
    """A check that passes, or a name that is not one check's: a line, and no file."""
    outcome = make(check)
    assert outcome.status == status, outcome.output
    (line,) = outcome.output.splitlines()
    assert said in line
    assert not (tmp_path / "script.py").exists()


@pytest.mark.parametrize(
    ("fault", "check", "said"),
    [
        (
            "end-without-close-notify",
            "conformance/tls/test_connections.py::test_server_says_that_it_closes[tls-1-3]",
            "no script can be made yet for a check that looks at whether the server says close_notify",
        ),
    ],
)
def test_what_no_script_can_be_made_of_yet(tmp_path: Path, make: Make, fault: str, check: str, said: str) -> None:
    """A check of what TLS does beneath the connection: a line, and no file."""
    outcome = make(check, fault=fault)
    assert outcome.status == 2, outcome.output
    assert outcome.output == f"asgi-conformance: {said}\n"
    assert not (tmp_path / "script.py").exists()


def test_server_that_is_not_known_is_told(make: Make) -> None:
    """pytest's own line about bad usage is passed on."""
    outcome = make(NEVER_TOLD_AGAIN, "--server=no-such")
    assert outcome.status == 2
    assert outcome.output.startswith("asgi-conformance: unknown server 'no-such'")


@pytest.mark.parametrize(
    "value",
    [
        {"type": "http", "headers": [(b"host", b"x1.test")], "server": ("127.0.0.1", 80), "client": None},
        b"GET / HTTP/1.1\r\n" + b"Name: value\r\n" * 7 + b"\r\n",
        b"head" + b"x" * 100_000 + b"tail",
        bytes(range(256)) * 100,
        bytes((n * n) % 251 for n in range(9_000)),
        "a text of many words that is longer than a line " * 3,
        "\n\n" * 60 + "\N{SNOWMAN}" * 300,
        [("one",), [], {}, (), -1.5, float("inf"), True, None, bytearray(b"\0")],
        ["{python}", "-m", "uvicorn", "{app}"] * 12,
    ],
)
def test_literal_is_the_value(value: Any) -> None:
    """The source of a value in the record is that value, of the same type, in lines that are not too long to read."""
    source = literal(value, 4)
    made = eval(source, vars(reproduction))
    assert made == value
    assert repr(made) == repr(value)
    assert len(source) < 10_000


def test_literal_of_what_only_a_process_can_make() -> None:
    """Recipes of the probe become the code that makes such a value."""
    names = vars(reproduction)
    assert list(eval(literal(Recipe("iterator", [(b"a", b"b")])), names)) == [(b"a", b"b")]
    assert type(eval(literal(Recipe("str subclass", "a")), names)).__name__ == "Text"
    assert eval(literal({"status": Recipe("int enum", 200)}), names) == {"status": 200}
