"""The transcript puts what happened on both ends in the order of time, each end on its side."""

from __future__ import annotations

from typing import Any

import pytest

from asgi_conformance.fixtures.transcript import (
    APPLICATION_TO_SERVER,
    CLIENT_TO_SERVER,
    NOTE,
    SERVER_TO_APPLICATION,
    SERVER_TO_CLIENT,
    Transcript,
    shorten,
)

LANES = [
    (CLIENT_TO_SERVER, "GET", "GET -->"),
    (SERVER_TO_CLIENT, "200", "200 <--"),
    (SERVER_TO_APPLICATION, "called", "--> called"),
    (APPLICATION_TO_SERVER, "return", "<-- return"),
]


def charted(*entries: tuple[float, str, str, Any]) -> list[str]:
    """Return the lines of a transcript below its heading."""
    transcript = Transcript()
    for at, between, who, what in entries:
        transcript.add(between, who, what, at)
    return transcript.text().splitlines()[1:]


def test_entries_are_in_the_order_of_time_from_the_first_one_on() -> None:
    """Whatever the order in which they become known; those of one moment stay as they came."""
    lines = charted(
        (100.002, SERVER_TO_CLIENT, "", "third"),
        (100.0, CLIENT_TO_SERVER, "", "first"),
        (100.0005, SERVER_TO_APPLICATION, "", "second"),
        (100.002, APPLICATION_TO_SERVER, "", "fourth"),
    )
    words = [line.replace("-->", "").replace("<--", "").split() for line in lines]
    assert words == [["0.0", "first"], ["0.5", "second"], ["2.0", "third"], ["2.0", "fourth"]]


def test_an_entry_without_a_time_is_of_now() -> None:
    """It comes after what was recorded before."""
    transcript = Transcript()
    transcript.add(NOTE, "", "first")
    transcript.add(NOTE, "", "second")
    assert [line.split(maxsplit=1)[1] for line in transcript.text().splitlines()[1:]] == ["-- first", "-- second"]


@pytest.mark.parametrize(("between", "what", "shown"), LANES)
def test_each_end_has_its_side(between: str, what: str, shown: str) -> None:
    """The client's half is on the left, the application's on the right, and the arrow says which way it went."""
    (line,) = charted((1.0, between, "", what))
    place = line.index(what)
    assert " ".join(line.split()[1:]) == shown
    assert (place < 40) is (between in (CLIENT_TO_SERVER, SERVER_TO_CLIENT))


@pytest.mark.parametrize(("between", "what", "shown"), LANES)
def test_connections_and_calls_have_labels(between: str, what: str, shown: str) -> None:
    """Where there are several, each entry says whose it is."""
    (line,) = charted((1.0, between, "#2", what))
    assert f"#2 {what}" in line


def test_a_text_may_be_made_when_it_is_read() -> None:
    """What costs time to say is said only in a transcript that somebody reads."""
    (line,) = charted((1.0, SERVER_TO_APPLICATION, "#2", lambda: "called with a scope"))
    assert line.endswith("--> #2 called with a scope")


def test_bytes_are_cut_where_their_lines_end() -> None:
    """A message's head is readable, and what follows the first line of it has no time of its own."""
    lines = charted((1.0, CLIENT_TO_SERVER, "#2", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x00\xff"))
    assert [line.split("-->")[0].strip() for line in lines] == [
        "0.0  #2 GET / HTTP/1.1\\r\\n",
        "Host: a\\r\\n",
        "\\r\\n",
        "\\x00\\xff",
    ]
    assert len({line.index("-->") for line in lines}) == 1
    assert lines[0].index("GET") == lines[1].index("Host")


def test_long_bytes_are_told_by_their_beginning_and_their_length() -> None:
    """A line of a million bytes does not fill the screen."""
    (line,) = charted((1.0, SERVER_TO_CLIENT, "", b"x" * 1_000_000))
    assert "x... (1000000 bytes)" in line
    assert len(line) < 200


def test_many_lines_of_bytes_are_told_by_their_ends() -> None:
    """The first and the last lines are shown, and how many are not."""
    lines = charted((1.0, SERVER_TO_CLIENT, "", b"".join(b"%d\n" % number for number in range(1000))))
    shown = [line.split()[-2] for line in lines]
    left_out = next(line for line in lines if "lines ..." in line)
    assert (shown[0], shown[1], shown[-1]) == ("0\\n", "1\\n", "999\\n")
    assert int(left_out.split()[1]) == 1000 - (len(lines) - 1)


def test_many_entries_are_told_by_their_ends() -> None:
    """The beginning and the end of a long transcript are shown, and how many entries are not."""
    lines = charted(*((float(number), NOTE, "", f"entry {number}") for number in range(1000)))
    assert lines[0].endswith("-- entry 0")
    assert lines[-1].endswith("-- entry 999")
    left_out = next(line for line in lines if "left out" in line)
    assert int(left_out.split()[-5]) == 1000 - (len(lines) - 1)


def test_nothing_happened() -> None:
    """The heading is all that there is."""
    assert charted() == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"x" * 96, repr(b"x" * 96)),
        (b"x" * 97, repr(b"x" * 32) + "...(97)"),
        ("x" * 97, repr("x" * 32) + "...(97)"),
        (
            {"body": b"x" * 1000, "list": [b"y" * 200]},
            f"{{'body': {b'x' * 32!r}...(1000), 'list': [{b'y' * 32!r}...(200)]}}",
        ),
        ((1,), "(1,)"),
        ((1, None), "(1, None)"),
        ((), "()"),
        (bytearray(b"ab"), "bytearray(b'ab')"),
    ],
)
def test_values_are_shortened(value: Any, shown: str) -> None:
    """Short ones are their repr; long byte strings and texts, however deep, are told by beginning and length."""
    assert shorten(value) == shown
