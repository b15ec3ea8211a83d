"""`--server-url`: a server that the suite has not started, with the probe in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_conformance.fixtures.ports import Port
from asgi_conformance.fixtures.probe import asgi_probe
from asgi_conformance.tests.fakes import BARE, ROOT, SAMPLES, Outcome, Run, read_results

CHECKS = ROOT / "conformance"
TOKEN = "the token of this test"
BAD_USAGE, NOT_READY = 4, 6


class Deployment:
    """The reference server with the probe, started by this test, and where both ends meet."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self._server, self._control = Port("127.0.0.1"), Port("127.0.0.1")
        self.url = f"http://127.0.0.1:{self._server.number}"
        self.control = f"127.0.0.1:{self._control.number}"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "asgi_conformance.servers.reference", "asgi_probe:app"),
                *("--port", str(self._server.number), *arguments),
            ],
            env={
                **os.environ,
                "PYTHONPATH": str(Path(asgi_probe.__file__).parent),
                asgi_probe.CONTROL: f"tcp://{self.control}",
                asgi_probe.TOKEN: TOKEN,
            },
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        assert "listening" in self.process.stdout.readline()

    def judge(self, *arguments: str | Path, token: str | None = TOKEN) -> Outcome:
        """Run the suite against it."""
        environment = {**BARE, asgi_probe.TOKEN: token} if token is not None else BARE
        given = (f"--server-url={self.url}", f"--control={self.control}")
        return run_suite(self.folder, *given, *arguments, environment=environment)

    def end(self) -> None:
        """End the server, which has to be alive."""
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=20)
        self._server.close()
        self._control.close()


def run_suite(folder: Path, *arguments: str | Path, environment: dict[str, str] = BARE) -> Outcome:
    """Run the suite in a process of its own."""
    options = ("-p", "pytest_asyncio.plugin", "--results=results.json")
    module = "asgi_conformance.reporting.cli"
    return Run(folder, module, "run", *options, *map(str, arguments), environment=environment).outcome()


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployment]:
    """The reference server, deployed."""
    deployment = Deployment(tmp_path)
    yield deployment
    deployment.end()


def test_exchanges_are_judged_and_the_rest_is_inapplicable(tmp_path: Path, deployed: Deployment) -> None:
    """What happens in requests gets its verdict; each other check says why it cannot."""
    places = ("http/test_scope_types.py", "http/test_scope_path.py", "websocket/test_closing.py")
    others = ("lifespan/test_scope.py", "lifespan/test_shutdown.py", "process/test_signals.py")
    outcome = deployed.judge(*(CHECKS / place for place in (*places, *others)))
    assert (outcome.status, outcome.left) == (0, []), outcome.output
    content = read_results(tmp_path / "results.json")
    server = content["server"]
    assert (server["name"], server["argv"]) == ("deployed", [deployed.url])
    assert server["python"] == "{}.{}.{}".format(*sys.version_info)
    verdicts = {check["id"]: (check["verdict"], check["message"]) for check in content["checks"]}
    reasons = {message for verdict, message in verdicts.values() if verdict == "inapplicable"}
    assert reasons >= {
        "a deployed server is not started, signalled or ended by the suite",
        "the probe has completed the lifespan of a deployed server before the run",
        "a deployed server is judged in clear only",
        "a deployed server cannot be configured with root_path by the suite",
        "the log of a deployed server cannot be read",
    }
    for check, (verdict, _) in verdicts.items():
        beyond = check.startswith(("conformance/lifespan", "conformance/process"))
        assert verdict in ({"inapplicable"} if beyond else {"pass", "inapplicable", "observed"}), check
    assert sum(verdict == "pass" for verdict, _ in verdicts.values()) > 60


def test_server_is_left_running_and_judged_again(deployed: Deployment) -> None:
    """One run after the other; the probe answers for itself in between, and an ordinary lifespan is what it had."""
    check = CHECKS / "http" / "test_scope_life.py"
    for _ in range(2):
        assert deployed.judge(check).status == 0
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(deployed.url)
        assert caught.value.code == 503
        assert f"nobody listens at tcp://{deployed.control}" in caught.value.read().decode()
    assert deployed.process.poll() is None


def test_known_failures_are_those_of_the_server_that_is_named(deployed: Deployment) -> None:
    """``--server`` says what it is, whether or not it is installed here."""
    check = CHECKS / "http" / "test_scope_types.py"
    outcome = deployed.judge("--server=daphne", check, "-k", "port")
    assert outcome.status == 0, outcome.output
    assert "server       daphne on Python" in outcome.output


def test_fault_of_a_deployed_server_is_found(tmp_path: Path) -> None:
    """Its verdict is that of a server which the suite has started."""
    deployment = Deployment(tmp_path, "--fault", "path-not-decoded")
    outcome = deployment.judge(CHECKS / "http" / "test_scope_path.py", "-k", "percent_encoded_octets_are_decoded")
    deployment.end()
    assert outcome.status == 1
    assert outcome.verdicts["fail"] > 3


def test_server_that_does_not_survive_ends_the_run(tmp_path: Path, deployed: Deployment) -> None:
    """What was judged is told, and a line says that the server does not answer any more."""
    module = tmp_path / "test_own.py"
    module.write_text(
        '"""A check that hurts the server."""\n'
        "import os, signal\n"
        "from asgi_conformance.fixtures.checks import requires\n"
        "from asgi_conformance.tests.samples.verdicts import A_MUST\n\n"
        "@requires(A_MUST)\n"
        "async def test_harm(http):\n"
        '    """The server survives."""\n'
        "    exchange, application = await http.call()\n"
        "    os.kill(application.process_id, signal.SIGSTOP)\n"
        "    await exchange.response()\n\n"
        "@requires(A_MUST)\n"
        "async def test_after(http):\n"
        '    """It answers."""\n'
        "    await http.exchange()\n\n"
        "@requires(A_MUST)\n"
        "async def test_never_reached(http):\n"
        '    """It answers."""\n',
        encoding="utf-8",
    )
    outcome = deployed.judge("--time-scale=0.2", module)
    deployed.process.send_signal(signal.SIGCONT)
    assert outcome.status == NOT_READY, outcome.output
    assert f"the deployed server {deployed.url} was not ready: " in outcome.output
    assert "test_never_reached" not in outcome.output
    assert "no longer gives a normal answer on a new connection" in outcome.output


def test_what_is_missing_is_told(deployed: Deployment) -> None:
    """A token that is not the probe's: the run ends with what has to be the same on both sides."""
    outcome = deployed.judge("--time-scale=0.1", SAMPLES / "verdicts.py", token="another")
    assert outcome.status == NOT_READY
    assert "a probe with another ASGI_PROBE_TOKEN has called" in outcome.output
    assert f"ASGI_PROBE_CONTROL=tcp://{deployed.control}" in outcome.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--server-url=127.0.0.1:8000"], "is not of the form http://host:port"),
        (["--server-url=https://127.0.0.1:8000"], "is not of the form http://host:port"),
        (["--server-url=http://127.0.0.1:many"], "--server-url=http://127.0.0.1:many: "),
        (["--server-url=http://127.0.0.1:8000/mount"], "has to be given to the probe as a whole, without a path"),
        (["--server-url=http://no-such-host.invalid"], "no-such-host.invalid is not found"),
        (["--server-url=http://127.0.0.1:8000", "--control=9000"], "--control=9000 is not of the form address:port"),
        (
            ["--server-url=http://127.0.0.1:8000", "--control=192.0.2.1:9"],
            "--control=192.0.2.1:9 cannot be listened on",
        ),
        (
            ["--server-url=http://127.0.0.1:8000", "--server-args=x"],
            "--server-url and --server-args exclude each other",
        ),
        (["--server-url=http://127.0.0.1:8000", "--server-command=x"], "exclude each other"),
    ],
)
def test_bad_usage(tmp_path: Path, options: list[str], said: str) -> None:
    """One line says what is wrong."""
    outcome = run_suite(tmp_path, *options, SAMPLES / "verdicts.py", environment={**BARE, asgi_probe.TOKEN: TOKEN})
    assert (outcome.status, outcome.clean, len(outcome.errors)) == (BAD_USAGE, True, 1), outcome.output
    assert said in outcome.errors[0]


def test_token_is_needed(tmp_path: Path) -> None:
    """Without one the suite does not listen."""
    outcome = run_suite(tmp_path, "--server-url=http://127.0.0.1:8000", SAMPLES / "verdicts.py")
    assert outcome.status == BAD_USAGE
    assert "--server-url needs the environment variable ASGI_PROBE_TOKEN" in outcome.errors[0]
