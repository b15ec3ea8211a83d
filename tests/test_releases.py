"""A release of a server: how it is named, what is installed for it, and what its exit status says."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_conformance.reporting import releases
from asgi_conformance.reporting.releases import BadRelease
from asgi_conformance.tests.fakes import BARE, Run


@pytest.mark.parametrize(
    ("name", "requirements", "option"),
    [
        ("uvicorn-latest", ["uvicorn[standard]", "wsproto"], "uvicorn"),
        ("uvicorn-0.30", ["uvicorn[standard]==0.30.*", "wsproto"], "uvicorn"),
        ("uvicorn-0.30.1-h11", ["uvicorn[standard]==0.30.1", "wsproto"], "uvicorn:h11"),
        ("py312-hypercorn-0.17-trio", ["hypercorn[trio,uvloop]==0.17.*"], "hypercorn:trio"),
        ("gunicorn-25.0", ["gunicorn==25.0.*", "uvicorn-worker", "uvicorn[standard]"], "gunicorn"),
    ],
)
def test_name_of_a_release(name: str, requirements: list[str], option: str) -> None:
    release = releases.parse(name)
    assert release.requirements() == requirements
    assert release.server_option == option


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("uvicorn", "'uvicorn' is no release: say SERVER-VERSION[-VARIANT], such as uvicorn-0.30 or uvicorn-latest"),
        ("uvicorn-new", "'uvicorn-new' is no release"),
        ("reference-latest", "reference has no releases to choose from: say pytest --server=reference"),
        ("unicorn-0.30", "unicorn"),
    ],
)
def test_name_of_no_release(name: str, reason: str) -> None:
    with pytest.raises(BadRelease) as failure:
        releases.parse(name)
    assert reason in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("name", "ended", "status"),
    [("uvicorn-latest", 1, 1), ("uvicorn-0.30", 1, 0), ("uvicorn-0.30", 0, 0), ("uvicorn-0.30", 6, 6)],
)
def test_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, ended: int, status: int) -> None:
    """Failures of the newest release break a gate, those of an older one do not, and nothing else is forgiven."""
    monkeypatch.setattr(releases, "install", lambda release, environment: Path("python-of-the-server"))
    given: list[str] = []

    def run(arguments: list[str]) -> int:
        given.extend(arguments)
        return ended

    assert releases.judge(releases.parse(name), tmp_path, tmp_path / "results", ["-x"], run) == status
    expected = ["--server=uvicorn", "--server-python=python-of-the-server", f"--results={tmp_path}/results/{name}.json"]
    assert given == [*expected, "-x"]


def test_release_that_does_not_exist(tmp_path: Path) -> None:
    """It is told in one line, with what was to be installed, and there is nothing left behind."""
    arguments = ("release", "uvicorn-0.999", f"--environment={tmp_path / 'environment'}")
    nowhere = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_NO_INDEX": "1"}
    outcome = Run(tmp_path, "asgi_conformance.reporting.cli", *arguments, environment={**BARE, **nowhere}).outcome()
    assert outcome.status == 2
    assert outcome.output.startswith("asgi-conformance: cannot install uvicorn[standard]==0.999.* wsproto: ")
    assert outcome.output.count("\n") == 1
    assert outcome.clean, outcome.output
