"""Results files: the schema that describes them, and what is said of those that cannot be read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from asgi_conformance.fixtures import verdicts
from asgi_conformance.fixtures.requirements import LEVELS
from asgi_conformance.fixtures.results import SCHEMA, Result
from asgi_conformance.reporting import cli, loading
from asgi_conformance.tests import reports
from asgi_conformance.tests.fakes import BARE, PYTEST, ROOT, Run

FILE = ROOT / "reporting" / "results.schema.json"
SCHEMA_OF_RESULTS = json.loads(FILE.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA_OF_RESULTS)


def test_the_schema_is_one() -> None:
    """It keeps the rules of its own draft, and knows what the code knows."""
    VALIDATOR.check_schema(SCHEMA_OF_RESULTS)
    check = SCHEMA_OF_RESULTS["$defs"]["check"]
    assert SCHEMA_OF_RESULTS["properties"]["schema"]["const"] == SCHEMA
    assert set(check["properties"]) == set(check["required"]) == {field.name for field in dataclasses.fields(Result)}
    assert check["properties"]["verdict"]["enum"] == list(verdicts.VERDICTS)
    assert check["properties"]["level"]["enum"] == list(LEVELS)


def test_the_schema_in_words_names_every_field() -> None:
    """``docs/results.md`` and the schema are about the same fields."""
    words = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    server = SCHEMA_OF_RESULTS["properties"]["server"]["properties"]
    check = SCHEMA_OF_RESULTS["$defs"]["check"]["properties"]
    for name in (*SCHEMA_OF_RESULTS["properties"], *server, *check):
        assert f"| `{name}` |" in words, name


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results file of a run against the reference server."""
    folder = tmp_path_factory.mktemp("real")
    module = ROOT / "conformance" / "http" / "test_errors.py"
    arguments = ("pytest", *PYTEST, "--server=reference", "--results=results.json", module)
    Run(folder, *arguments, environment=BARE).outcome()
    return folder / "results.json"


def test_a_real_results_file_is_valid(real: Path) -> None:
    """What a run writes is what the schema describes, and what the reports read."""
    content = json.loads(real.read_text(encoding="utf-8"))
    assert content["checks"]
    VALIDATOR.validate(content)
    run = loading.read(real)
    assert (run.name, len(run.checks)) == ("reference", len(content["checks"]))


def test_made_up_results_are_valid() -> None:
    """Those of the other tests are as real ones are."""
    VALIDATOR.validate(reports.content(reports.check()))


def broken(**fields: Any) -> str:
    """Return a results file in which these fields are wrong."""
    return json.dumps({**reports.content(reports.check()), **fields})


BAD = {
    "nothing": ("", "it is not JSON"),
    "no-json": ("{", "it is not JSON"),
    "a-list": ("[]", "it has no 'schema'"),
    "another-tool": ('{"tests": []}', "it has no 'schema'"),
    "later-schema": ('{"schema": 2}', "has the schema 2; this version of the suite reads 1"),
    "no-server": ('{"schema": 1}', "'server' has no 'name'"),
    "argv": (broken(server={"name": "a", "argv": "a b"}), "'argv' of the server is not a list of texts"),
    "version": (broken(server={"name": "a", "argv": [], "version": 1}), "'version' of the server is no text"),
    "suite": (broken(suite=1), "'suite' is no text"),
    "duration": (broken(duration="1"), "'duration' is no number"),
    "checks": (broken(checks={}), "'checks' is not a list"),
    "check": (broken(checks=["id"]), "check 1 is not an object"),
    "no-verdict": (broken(checks=[{"id": "a", "requirements": [], "level": "MUST"}]), "check 1 has no 'verdict'"),
    "verdict": (broken(checks=[reports.check(), reports.check(verdict="ok")]), "check 2: there is no verdict 'ok'"),
    "level": (broken(checks=[reports.check(level="MIGHT")]), "check 1: there is no level 'MIGHT'"),
    "requirements": (broken(checks=[reports.check(requirements="a")]), "check 1: 'requirements' is not a list of ids"),
    "transcript": (broken(checks=[reports.check(transcript=None)]), "check 1: 'transcript' is no text"),
    "check-duration": (broken(checks=[reports.check(duration=True)]), "check 1: 'duration' is no number"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_a_file_that_is_no_results_file(text: str, said: str, tmp_path: Path) -> None:
    """One line says which file, and what is wrong with it."""
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(loading.BadResults) as caught:
        loading.read(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("command", [["badge"], ["report", "-o", "out"], ["diff", "good.json"]], ids=lambda c: c[0])
@pytest.mark.parametrize("name", ["missing.json", "bad.json", "latin.json"])
def test_bad_input_has_its_exit_status(
    command: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command says it in one line, ends with 2, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    reports.write(Path("good.json"), reports.check())
    Path("bad.json").write_text("[]", encoding="utf-8")
    Path("latin.json").write_bytes(b'{"schema": "\xe4"}')
    assert cli.main([*command, name]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("asgi-conformance: ")
    assert len(captured.err.splitlines()) == 1
    assert not Path("out").exists()


def test_fields_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    """The schema says that a reader does."""
    path = reports.write(tmp_path / "later.json", reports.check(weather="fair"), mood="good")
    assert list(loading.read(path).checks) == [reports.CHECK]
    VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))


def test_versions_are_read_as_history(tmp_path: Path) -> None:
    """Servers by name and variant, and the versions of one from old to new, as packaging orders them."""
    versions = ["0.10.0", "0.9.1", "0.10.0rc1", "0.100", "0.9"]
    paths = [reports.write(tmp_path / f"{version}.json", version=version) for version in versions]
    paths.append(reports.write(tmp_path / "h11.json", variant="h11", version="0.1"))
    paths.append(reports.write(tmp_path / "daphne.json", name="daphne", version=None))
    assert [run.label for run in loading.load(paths)] == [
        "daphne",
        *(f"uvicorn {version}" for version in ("0.9", "0.9.1", "0.10.0rc1", "0.10.0", "0.100")),
        "uvicorn:h11 0.1",
    ]


def test_a_folder_is_its_files(tmp_path: Path) -> None:
    """What a matrix leaves behind is read as a whole; where there is nothing, that is told."""
    for name in ("one", "other"):
        reports.write(tmp_path / f"{name}.json", name=name)
    assert [run.name for run in loading.load([tmp_path])] == ["one", "other"]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(loading.BadResults, match=f"there are no results files in {empty} "):
        loading.load([empty])


def test_the_line_that_runs_a_check_again(tmp_path: Path) -> None:
    """It names the server as it was named; of a server without an adapter, the template of its command."""
    run = loading.read(reports.write(tmp_path / "a.json", variant="h11-wsproto"))
    assert run.again("m.py::test_a[b c]") == "pytest --server=uvicorn:h11-wsproto 'm.py::test_a[b c]'"
    argv = ["my server", "--bind", "127.0.0.1:0", "--port", "0", "asgi_probe:app"]
    run = loading.read(reports.write(tmp_path / "b.json", name="command", argv=argv))
    template = """ 'my server' --bind {host}:{port} --port {port} {app}"""
    assert run.again("m.py").replace("'\"'\"'", "'") == f"pytest --server-command='{template.strip()}' m.py"
