"""Properties: which examples are tried, what a failure tells of them, and that the strategies draw what they promise."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import hypothesis
import pytest
from hypothesis import strategies as st

from asgi_conformance.conformance.http1.test_mutated_requests import CHUNKED, PLAIN, WITH_LENGTH, Body, Reading
from asgi_conformance.fixtures import profiles, strategies
from asgi_conformance.fixtures.http import Headers
from asgi_conformance.fixtures.strategies import Path as AnyPath
from asgi_conformance.fixtures.strategies import Reply
from asgi_conformance.tests.fakes import SAMPLES, Outcome, fake_server, run_checks

COMMAND = f"--server-command={fake_server()}"
SAMPLE = SAMPLES / "properties.py"
PLUGIN = ("-p", "_hypothesis_pytestplugin")


class Tried:
    """The file to which the sample writes every example that is tried."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "tried.txt"
        self._path.touch()

    def numbers(self) -> list[int]:
        """Return what was tried since the last time."""
        numbers = [int(number) for number in self._path.read_text(encoding="ascii").split()]
        self._path.write_text("", encoding="ascii")
        return numbers


@pytest.fixture
def tried(tmp_path: Path) -> Tried:
    """What the sample tries."""
    return Tried(tmp_path)


def run(folder: Path, name: str, *arguments: str, command: str = COMMAND) -> Outcome:
    """Run one check of the sample."""
    return run_checks(folder, command, *PLUGIN, *arguments, f"{SAMPLE}::test_{name}")


def replay(folder: Path, name: str, outcome: Outcome) -> Outcome:
    """Run what the failure says that one should run."""
    (line,) = re.findall(r"to replay exactly this example: (pytest .*)", outcome.output)
    words = shlex.split(line)
    assert f"tests/samples/properties.py::test_{name}[http1]" in words
    assert COMMAND in words
    return run(folder, name, words[-1])


# --- which examples are tried -----------------------------------------------------------------------------------------


def test_the_same_examples_are_tried_every_time(tmp_path: Path, tried: Tried) -> None:
    """Two runs try the same examples in the same order."""
    assert run(tmp_path, "every_number").verdicts == {"pass": 1}
    first = tried.numbers()
    run(tmp_path, "every_number")
    assert tried.numbers() == first
    assert len(set(first)) > 20


@pytest.mark.parametrize("profile", ["quick", "default"])
@pytest.mark.parametrize(("name", "share"), [("every_number", 1), ("dear_numbers", 4)])
def test_the_profile_says_how_many(tmp_path: Path, tried: Tried, profile: str, name: str, share: int) -> None:
    """There are as many examples as the profile says, or the share of them that the check takes."""
    run(tmp_path, name, f"--hypothesis-profile={profile}")
    assert len(tried.numbers()) == profiles.EXAMPLES[profile] // share


def test_one_profile_does_not_shrink(tmp_path: Path, tried: Tried) -> None:
    """The profile for faults is content with the first example that fails."""
    outcome = run(tmp_path, "small_numbers", "--hypothesis-profile=faults")
    assert outcome.verdicts == {"fail": 1}
    assert len({number for number in tried.numbers() if number >= 100}) == 1


def test_a_profile_that_does_not_exist(tmp_path: Path) -> None:
    """It is refused in a line that names those that do."""
    outcome = run(tmp_path, "every_number", "--hypothesis-profile=exhaustive")
    assert outcome.errors == ["--hypothesis-profile=exhaustive: there are quick, default, thorough, faults"]
    assert outcome.status == pytest.ExitCode.USAGE_ERROR
    assert outcome.clean, outcome.output


# --- what a failure tells ---------------------------------------------------------------------------------------------


def test_the_smallest_example_is_told_and_replayed(tmp_path: Path, tried: Tried) -> None:
    """A failure shows the smallest example that fails, with its transcript, and how to try just that one again."""
    outcome = run(tmp_path, "small_numbers")
    assert outcome.verdicts == {"fail": 1}
    assert outcome.status == 1
    assert "actual       it is too large\n" in outcome.output
    assert re.search(r"example\(\s*number=100,\s*text='',\s*\)", outcome.output)
    assert outcome.output.count("GET /sample HTTP/1.1") == 1
    assert outcome.clean, outcome.output
    tried.numbers()
    again = replay(tmp_path, "small_numbers", outcome)
    assert again.verdicts == {"fail": 1}
    assert "number=100," in again.output
    assert set(tried.numbers()) == {100}


def test_the_smallest_run_of_a_state_machine_is_told_and_replayed(tmp_path: Path, tried: Tried) -> None:
    """The same for a state machine: its steps are what an example is."""
    outcome = run(tmp_path, "sum")
    assert outcome.verdicts == {"fail": 1}
    assert "actual       the sum is 11\n" in outcome.output
    steps = [int(number) for number in re.findall(r"state\.add\(number=(\d)\)", outcome.output)]
    assert sum(steps) == 11
    assert len(steps) == 2
    assert outcome.output.count("GET /sample HTTP/1.1") == 2
    tried.numbers()
    again = replay(tmp_path, "sum", outcome)
    assert again.verdicts == {"fail": 1}
    assert set(tried.numbers()) == {steps[0], 11}


@pytest.mark.parametrize(
    ("name", "verdict", "said"),
    [
        ("smaller_numbers", "warn", "number=10,"),
        ("mistake", "error", "LookupError: a mistake of the suite's own"),
    ],
)
def test_verdicts_are_those_of_any_check(tmp_path: Path, name: str, verdict: str, said: str) -> None:
    """A broken SHOULD is a warning, and an exception of any other kind an error of the suite."""
    outcome = run(tmp_path, name, "--level=should")
    assert outcome.verdicts == {verdict: 1}
    assert said in outcome.output


def test_a_failure_that_does_not_come_again_is_no_verdict(tmp_path: Path) -> None:
    """What fails once and not when it is tried again is told as unstable, and fails the run."""
    outcome = run(tmp_path, "first_time")
    assert outcome.verdicts == {"unstable": 1}
    assert outcome.status == 1
    assert "actual       an example failed once, and not when it was run again: it is the first\n" in outcome.output


def test_an_example_that_crashes_the_server(tmp_path: Path) -> None:
    """The crash is told with its example, and the next example gets another server."""
    outcome = run(tmp_path, "survival")
    assert outcome.verdicts == {"fail": 1}
    assert "the server has ended with status -9" in outcome.output
    assert "number=100," in outcome.output
    assert outcome.left == []


def test_a_crash_that_does_not_come_again(tmp_path: Path) -> None:
    """The server has crashed all the same: it is a failure, with the end of the server's log."""
    outcome = run(tmp_path, "every_number", command=f"--server-command={fake_server('--die-at', '9')}")
    assert outcome.verdicts == {"fail": 1}
    assert "the server has ended with status 9" in outcome.output
    assert "the fake server dies now" in outcome.output
    assert outcome.left == []


# --- what is drawn ----------------------------------------------------------------------------------------------------


def examples(**drawn: st.SearchStrategy[object]) -> pytest.MarkDecorator:
    """Make a test of a function that is called with examples, the same every time."""

    def decorate(function: object) -> object:
        settings = hypothesis.settings(max_examples=200, derandomize=True, database=None, deadline=None)
        return settings(hypothesis.given(**drawn)(function))  # type: ignore[arg-type]

    return decorate  # type: ignore[return-value]


@examples(path=strategies.paths(controls=True))
def test_a_path_means_its_text(path: AnyPath) -> None:
    """What stands in the target decodes to the text beside it, and is a path by RFC 3986."""
    assert unquote(path.raw.decode("ascii"), errors="strict") == path.text
    assert re.fullmatch(rb"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+", path.raw)


@examples(query=strategies.queries())
def test_a_query_is_one(query: bytes) -> None:
    """Of a query everything is allowed by RFC 3986."""
    assert re.fullmatch(rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*", query)


@examples(headers=st.one_of(strategies.request_headers(True), strategies.response_headers()))
def test_headers_are_legal(headers: Headers) -> None:
    """Names are tokens without an underscore, values have no white space around them, none is the server's business."""
    for name, value in headers:
        assert re.fullmatch(rb"[!#$%&'*+.^`|~0-9a-z-]+", name)
        assert re.fullmatch(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?", value)
        assert name not in (b"host", b"content-length", b"transfer-encoding", b"connection", b"date")


@examples(headers=strategies.response_headers())
def test_grouped_headers_are_the_same(headers: Headers) -> None:
    """Putting those of one name together changes neither their number nor the order of their values."""
    grouped = strategies.grouped(headers)
    assert sorted(grouped) == sorted(headers)
    for name in {name for name, _ in headers}:
        assert [field for field in grouped if field[0] == name] == [field for field in headers if field[0] == name]
    names = [name for name, _ in grouped]
    assert len([name for name, before in zip(names, [None, *names], strict=False) if name != before]) == len(set(names))


@examples(reply=strategies.replies())
def test_a_reply_is_complete(reply: Reply) -> None:
    """Just the last event says that nothing more comes, and a length is true."""
    start, *bodies = reply.events((b"x-probe", b"value"))
    assert start["headers"][0] == [b"x-probe", b"value"]
    assert [bool(event.get("more_body", False)) for event in bodies] == [True] * (len(bodies) - 1) + [False]
    content = b"".join(event.get("body", b"") for event in bodies)
    assert dict(map(tuple, start["headers"])).get(b"content-length", b"%d" % len(content)) == b"%d" % len(content)


@examples(data=st.data())
def test_a_mutant_is_near_its_message(data: st.DataObject) -> None:
    """An edit changes a few octets, or the place of one line."""
    message = data.draw(st.sampled_from([PLAIN, WITH_LENGTH, CHUNKED]))
    mutant = data.draw(strategies.mutants(message))
    if sorted(set(mutant.split(b"\r\n"))) != sorted(set(message.split(b"\r\n"))) and not message.startswith(mutant):
        before = next((n for n, (a, b) in enumerate(zip(mutant, message, strict=False)) if a != b), len(message))
        pairs = enumerate(zip(mutant[:before:-1], message[:before:-1], strict=False))
        after = next((n for n, (a, b) in pairs if a != b), len(message) - before)
        assert len(mutant) - before - after <= 24 or len(mutant) < len(message)


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (HEAD + b"\r\nabc", [Body(b"", b"abc")]),
        (HEAD + b"Content-Length: 2\r\n\r\nabc", [Body(b"ab", b"c")]),
        (HEAD + b"Content-Length: 2, 2\r\n\r\nabc", [Body(b"ab", b"c")]),
        (HEAD + b"Content-Length:\r\n 2\r\n\r\nabc", [Body(b"ab", b"c")]),
        (HEAD + b"Content-Length: 4\r\n\r\nabc", [Body(None)]),
        (HEAD + b"Content-Length: +2\r\n\r\nabc", [Body(None)]),
        (HEAD + b"Content-Length: 2, 3\r\n\r\nabc", [Body(None)]),
        (HEAD + b"Content-Length : 2\r\n\r\nabc", [Body(b"ab", b"c"), Body(b"", b"abc")]),
        (HEAD + b"Content-Length: 2\0\r\n\r\nabc", [Body(b"ab", b"c"), Body(b"", b"abc")]),
        (HEAD + b"Content-Length\0: 2\r\n\r\nabc", [Body(b"ab", b"c"), Body(b"", b"abc")]),
        (HEAD + b"\x0bContent-Length: 2\r\n\r\nabc", [Body(b"", b"abc")]),
        (HEAD + b"Content-Length: 2\r\n", [Body(None)]),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;a\r\nab\r\n0\r\nX: y\r\n\r\n", [Body(b"ab", b"X: y\r\n\r\n")]),
        (HEAD + b"Transfer-Encoding: Chunked,\r\n\r\n0\r\n\r\n", [Body(b"", b"\r\n")]),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", [Body(None)]),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", [None]),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n+2\r\nab\r\n0\r\n\r\n", [None]),
        (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [Body(None)]),
        (HEAD + b"Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", [None]),
        (HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [None]),
    ],
)
def test_what_a_message_may_be_taken_for(message: bytes, expected: list[Body | None]) -> None:
    """The bodies by which mutants are judged are those that RFC 9112 allows."""
    assert Reading(message, rb"\r?\n").bodies() == expected
    assert Reading(message, rb"\r\n").bodies() == expected


def test_a_single_line_feed_may_end_a_line_or_not() -> None:
    """A message with a bare LF may be taken for two things."""
    message = HEAD + b"X: y\nContent-Length: 2\r\n\r\nabc"
    assert Reading(message, rb"\r?\n").bodies() == [Body(b"ab", b"c")]
    assert Reading(message, rb"\r\n").bodies() == [Body(b"", b"abc")]
