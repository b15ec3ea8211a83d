"""The command line `asgi-conformance`: run the suite without knowing pytest, look things up, report what was found."""

from __future__ import annotations

import argparse
import itertools
import os
import shlex
import sys
import textwrap
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

import pytest

from asgi_conformance import __version__
from asgi_conformance.reporting import releases, repro
from asgi_conformance.reporting.badge import print_badge
from asgi_conformance.reporting.diff import print_diff
from asgi_conformance.reporting.explain import explain
from asgi_conformance.reporting.listing import list_requirements
from asgi_conformance.reporting.loading import BadResults
from asgi_conformance.reporting.report import write_report
from asgi_conformance.servers import registry
from asgi_conformance.servers.adapter import Server

ROOT = Path(__file__).parent.parent
CHECKS = ROOT / "conformance"
PLUGIN = "asgi_conformance.fixtures.plugin"
BAD_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return the exit status: pytest's for ``run``, 2 for bad usage of the others."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["run"]:  # argparse would take the options of pytest for its own
        return run(given[1:])
    if given[:1] == ["repro"]:
        return repro.main(given[1:])
    options, more = _parser().parse_known_args(given)
    if more and options.command != "release":
        _parser().error(f"unrecognized arguments: {' '.join(more)}")
    try:
        if options.command == "release":
            return judge_release(options, more)
        return _carry_out(options)
    except BadResults as error:
        print(f"asgi-conformance: {error}", file=sys.stderr)
        return BAD_USAGE
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _carry_out(options: argparse.Namespace) -> int:
    if options.command == "servers":
        return list_servers()
    if options.command == "report":
        return write_report(options.results, options.output, options.github)
    if options.command == "diff":
        return print_diff(options.before, options.after)
    if options.command == "badge":
        return print_badge(options.results)
    if options.command == "explain":
        return explain(options.id)
    return list_requirements(options.document, options.uncovered)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asgi-conformance", description="An independent conformance suite for ASGI servers."
    )
    parser.add_argument("--version", action="version", version=f"asgi-conformance {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser(
        "run",
        add_help=False,
        help="judge a server: run --server=uvicorn; takes every option of pytest, see run --help",
    )
    commands.add_parser(
        "servers", help="list the servers that can be named, whether they are installed, their variants"
    )
    release = commands.add_parser(
        "release",
        help="judge a release of a server in an environment of its own: release uvicorn-0.30; passes the rest to pytest",
    )
    release.add_argument(
        "name", metavar="SERVER-VERSION[-VARIANT]", help="such as uvicorn-latest or hypercorn-0.17-trio"
    )
    release.add_argument(
        "--environment", metavar="DIR", type=Path, help="where it is installed (default: .releases/NAME)"
    )
    release.add_argument(
        "--results",
        metavar="DIR",
        type=Path,
        default=Path("results"),
        help="where NAME.json is written (default: results)",
    )
    commands.add_parser(
        "repro", add_help=False, help="write a script that shows a check's failure without the suite, see repro --help"
    )
    catalogue = commands.add_parser(
        "requirements", help="list what is asked of a server, with the words of the specification"
    )
    catalogue.add_argument("--document", metavar="NAME", help="only those of one document, such as www.rst")
    catalogue.add_argument("--uncovered", action="store_true", help="only those that no check verifies, and why")
    explained = commands.add_parser(
        "explain", help="tell all about one requirement or check: quote, link, what a failure means, source"
    )
    explained.add_argument("id", metavar="ID", help="an id, or the beginning of one")
    report = commands.add_parser(
        "report", help="make a page, Markdown and badges of results files (pytest --results=FILE.json)"
    )
    report.add_argument("results", nargs="+", type=Path, metavar="RESULTS.json")
    report.add_argument("-o", "--output", type=Path, default=Path("report"), metavar="DIR", help="default: report")
    report.add_argument(
        "--github",
        action="store_true",
        default=os.environ.get("GITHUB_ACTIONS") == "true",
        help="print failures that are not expected as annotations (default: in GitHub Actions)",
    )
    diff = commands.add_parser(
        "diff", help="show which verdicts changed from one results file to another; exit status 1 if any got worse"
    )
    diff.add_argument("before", type=Path, metavar="A.json")
    diff.add_argument("after", type=Path, metavar="B.json")
    badge = commands.add_parser("badge", help="print the JSON of a shields.io endpoint badge for a results file")
    badge.add_argument("results", type=Path, metavar="RESULTS.json")
    return parser


# --- run --------------------------------------------------------------------------------------------------------------


def run(arguments: Sequence[str]) -> int:
    """Run pytest on the checks, whatever the working directory, and return its exit status.

    No configuration file is read: the one of a project around the working directory, or around the environment that the
    suite is installed in, is for that project's tests.
    """
    settings = {
        "cache_dir": Path.cwd() / ".pytest_cache",
        "asyncio_default_fixture_loop_scope": "session",
        "verbosity_assertions": 1,
    }
    return int(
        pytest.main(
            [
                *("-c", os.devnull),
                f"--rootdir={ROOT}",  # so that a check's id is the same on every machine
                "--import-mode=importlib",
                *(f"--override-ini={name}={value}" for name, value in settings.items()),
                "-Wignore:Module already imported",  # by this command; its assertions need no rewriting
                *("-p", PLUGIN),
                *("-p", "asgi_conformance.reporting.cli"),  # for the hook below, in pytest-xdist's workers too
                str(CHECKS),  # also keeps pytest from loading the working directory's conftest.py
                *arguments,
            ]
        )
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Have pytest collect what was named on the command line of ``run``, and all checks only if nothing was."""
    named = config.args[1:]
    if named:
        config.args[:] = [_resolved(place) for place in named]


def _resolved(place: str) -> str:
    """Return a place such as ``conformance/http/test_x.py::test_y`` as one that exists, wherever pytest was started."""
    path, *names = place.split("::")
    if (ROOT / path).exists():  # of this suite, also in a checkout of another
        return "::".join([str(ROOT / path), *names])
    return place


# --- release ----------------------------------------------------------------------------------------------------------


def judge_release(options: argparse.Namespace, more: Sequence[str]) -> int:
    """Judge one release of a server; the exit status is pytest's, or 2 for a release that cannot be had."""
    environment = (options.environment or Path(".releases", options.name)).absolute()
    try:
        return releases.judge(releases.parse(options.name), environment, options.results.absolute(), more, run)
    except releases.BadRelease as error:
        print(f"asgi-conformance: {error}", file=sys.stderr)
        return BAD_USAGE


# --- servers ----------------------------------------------------------------------------------------------------------


def list_servers() -> int:
    """Print a table: each server's name, its version if it is installed for this interpreter, variants, abilities."""
    rows = [(["name"], ["version"], ["variants, and what it can do"])]
    broken = []
    for name in registry.names():
        try:
            server = registry.find(name)
        except registry.UnknownServer as error:
            broken.append(f"{name}: {error}")
            continue
        variants = [f"{group}: {', '.join(choices)}" for group, choices in server.variants.items()]
        abilities = textwrap.wrap(", ".join(server.abilities()), 44, break_on_hyphens=False)
        rows.append(([name], [_installed(server)], [*variants, *abilities]))
    for line in itertools.chain(_table(rows), broken):
        print(line)
    return 0


def _installed(server: Server) -> str:
    if server.distribution is None:
        return "part of the suite" if not server.requires else "unknown"
    try:
        return metadata.version(server.distribution)
    except metadata.PackageNotFoundError:
        return f"not installed (pip install {shlex.join(server.requires or [server.distribution])})"


def _table(rows: Sequence[Sequence[Sequence[str]]]) -> Iterable[str]:
    """Lay out rows of cells, each a list of lines."""
    widths = [max((len(line) for cell in column for line in cell), default=0) for column in zip(*rows, strict=True)]
    for row in rows:
        for lines in itertools.zip_longest(*row, fillvalue=""):
            yield "  ".join(f"{line:<{width}}" for line, width in zip(lines, widths, strict=True)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
