"""Known failures are read, applied to the right runs, and kept up to date; a wrong file is explained in a line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asgi_conformance.fixtures import expectations
from asgi_conformance.fixtures.expectations import NOT_REVIEWED, BadExpectations, Expectation, Expectations, names, read
from asgi_conformance.servers import registry

A, B, C = (f"tests/samples/verdicts.py::test_{name}[http1]" for name in "abc")


# --- which entry applies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variants", "factors", "applies"),
    [
        ([], {"h11"}, True),
        ([], set(), True),
        (["h11"], {"h11", "uvloop"}, True),
        (["h11", "httptools"], {"httptools"}, True),
        (["h11"], {"httptools"}, False),
        (["h11"], set(), False),
        (["httptools-websockets-sansio"], {"httptools", "websockets-sansio", "uvloop"}, True),
        (["httptools-websockets-sansio"], {"h11", "websockets-sansio", "uvloop"}, False),
        (["httptools-websockets-sansio"], {"httptools", "websockets", "uvloop"}, False),
        (["h11-wsproto", "httptools-websockets"], {"httptools", "websockets"}, True),
        (["websockets"], {"httptools", "websockets-sansio"}, False),
    ],
)
def test_an_entry_applies_to_its_variants(variants: list[str], factors: set[str], applies: bool) -> None:
    """Without variants it applies to all of them; one that is made of several choices asks for each of these."""
    assert Expectation([A], "why", variants=variants).applies(factors, "1.0") is applies


@pytest.mark.parametrize(
    ("versions", "version", "applies"),
    [
        ("", "1.0", True),
        ("<2", "1.0", True),
        ("<2", "2.0", False),
        (">=1,<2", "1.5", True),
        ("<2", "1.0rc1", True),
        (">=2", "3.0.dev1", True),
        ("<2", None, True),
    ],
)
def test_an_entry_applies_to_its_versions(versions: str, version: str | None, applies: bool) -> None:
    """Pre-releases count; a server whose version is not known is taken for one of them."""
    assert Expectation([A], "why", versions=versions).applies((), version) is applies


@pytest.mark.parametrize(
    ("known", "check", "named"),
    [
        ("m.py::test_a[http1]", "m.py::test_a[http1]", True),
        ("m.py::test_a[http1]", "m.py::test_a[http2]", False),
        ("m.py::test_a", "m.py::test_a[http1]", True),
        ("m.py::test_a", "m.py::test_ab[http1]", False),
        ("m.py::test_a", "m.py::test_a", True),
        ("m.py", "m.py::test_a", False),
    ],
)
def test_an_id_names_a_check_or_all_its_cases(known: str, check: str, named: bool) -> None:
    """An id without brackets means every case."""
    assert names(known, check) is named


def test_the_entry_for_a_check() -> None:
    """The first one that applies and names it; none for a check that is in no entry, or in one for another variant."""
    other = Expectation([A, B], "on h11", variants=["h11"])
    first, second = Expectation([A.partition("[")[0]], "first"), Expectation([A], "second")
    expected = Expectations(Path("x"), [other, first, second], {"httptools"}, "1.0")
    assert expected.of(A) is first
    assert expected.of(B) is None
    assert expected.of(C) is None


def test_ids_that_name_no_check() -> None:
    """Those in a module that was collected and names none of its checks; of other modules nothing can be said."""
    expected = Expectations(Path("x"), [Expectation([A, "m.py::test_x", "m.py::test_y[1]", "n.py::test_z"], "why")])
    assert expected.unknown([A, "m.py::test_x[http1]"]) == ["m.py::test_y[1]"]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_whole_file(tmp_path: Path) -> None:
    """Every field of an entry is read."""
    path = tmp_path / "some.toml"
    path.write_text(
        f'[[expected]]\nreason = "why"\nupstream = "https://example.org/1"\nvariants = ["h11"]\nversions = "<2"\n'
        f'checks = ["{A}"]\n\n[[expected]]\nreason = "because"\nchecks = ["{B}", "{C}"]\n',
        encoding="utf-8",
    )
    assert read(path) == Expectations(
        path,
        [
            Expectation([A], "why", "https://example.org/1", ["h11"], "<2"),
            Expectation([B, C], "because"),
        ],
    )


def test_a_file_that_may_be_missing(tmp_path: Path) -> None:
    """It expects nothing."""
    assert read(tmp_path / "none.toml", must_exist=False).entries == []


def test_an_empty_file(tmp_path: Path) -> None:
    """It expects nothing."""
    path = tmp_path / "empty.toml"
    path.touch()
    assert read(path).entries == []


@pytest.mark.parametrize("path", sorted(expectations.SHIPPED.glob("*.toml")), ids=lambda path: path.name)
def test_the_shipped_files(path: Path) -> None:
    """They can be read; every entry has been reviewed, and links to the upstream issue where one was found."""
    entries = read(path).entries
    assert entries
    for entry in entries:
        assert entry.reason != NOT_REVIEWED
        assert entry.upstream is None or re.match(
            r"https://github\.com/[\w-]+/[\w-]+/(issues|pull)/\d+$", entry.upstream
        )


@pytest.mark.parametrize("path", sorted(expectations.SHIPPED.glob("*.toml")), ids=lambda path: path.name)
def test_the_variants_in_the_shipped_files(path: Path) -> None:
    """Each is one that the server's adapter has, so that no entry is without effect for a misspelt name."""
    server = registry.find(path.stem)
    for entry in read(path).entries:
        for variant in entry.variants:
            assert server.factors(variant)


ENTRY = f'[[expected]]\nreason = "why"\nchecks = ["{A}"]\n'
BAD = {
    "not TOML": ("[[expected", "cannot be read: "),
    "not UTF-8": ("reason = '\udcff'", "cannot be read: "),
    "no reason": (f'[[expected]]\nchecks = ["{A}"]', "reason"),
    "blank reason": (f'[[expected]]\nreason = " "\nchecks = ["{A}"]', "there is no reason"),
    "reason of another type": (f'[[expected]]\nreason = 1\nchecks = ["{A}"]', "there is no reason"),
    "no checks": ('[[expected]]\nreason = "why"', "checks"),
    "checks that are none": ('[[expected]]\nreason = "why"\nchecks = []', "'checks' is not a list of check ids"),
    "checks of another type": (f'[[expected]]\nreason = "why"\nchecks = "{A}"', "'checks' is not a list of check ids"),
    "a check of another type": ('[[expected]]\nreason = "why"\nchecks = [1]', "'checks' is not a list of check ids"),
    "a check of no module": (
        '[[expected]]\nreason = "why"\nchecks = ["n.py::test_a"]',
        "there is no check 'n.py::test_a'",
    ),
    "an unknown field": (ENTRY + "raeson = 1", "raeson"),
    "a bad version": (ENTRY + 'versions = "new"', "'new' is no version specifier, such as '<0.31'"),
    "versions of another type": (ENTRY + "versions = 2", "versions"),
    "variants of another type": (ENTRY + 'variants = "h11"', "variants"),
    "an unknown table": (ENTRY + "[unexpected]\n", "unknown key 'unexpected'; entries are headed [[expected]]"),
    "a table for a list": (ENTRY.replace("[[expected]]", "[expected]"), "entries are headed [[expected]]"),
    "a text for a list": ("expected = 'a'", "entries are headed [[expected]]"),
}


@pytest.mark.parametrize(("content", "complaint"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_explained_in_one_line(tmp_path: Path, content: str, complaint: str) -> None:
    """The message names the file and what is wrong in it."""
    path = tmp_path / "bad.toml"
    path.write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(BadExpectations) as raised:
        read(path)
    message = str(raised.value)
    assert str(path) in message
    assert complaint in message.replace(str(path), "")
    assert "\n" not in message
    assert "__init__" not in message


def test_a_file_that_must_exist(tmp_path: Path) -> None:
    """A missing file is named."""
    path = tmp_path / "none.toml"
    with pytest.raises(BadExpectations, match="does not exist"):
        read(path)


def test_a_folder_for_a_file(tmp_path: Path) -> None:
    """It cannot be read."""
    with pytest.raises(BadExpectations, match="cannot be read"):
        read(tmp_path)


# --- keeping a file up to date ----------------------------------------------------------------------------------------


def test_an_update_reads_back_as_it_was_written(tmp_path: Path) -> None:
    """Whatever is in the texts, the file that is written holds the same entries."""
    path = tmp_path / "some.toml"
    entries = [
        Expectation([A], 'quotes " and \\ and\nlines\tand 😀', "https://example.org/?a=ä😀", ["h11", "a-b"], ">=1,<2"),
        Expectation([B, C], "because\x7f"),
    ]
    Expectations(path, entries, {"other"}).update({}, set())
    assert read(path).entries == entries


def test_an_update_takes_out_what_passed_and_puts_in_what_failed(tmp_path: Path) -> None:
    """Entries for other variants, and checks that did not run, stay as they are."""
    path = tmp_path / "some.toml"
    other = Expectation([A], "on another variant", variants=["trio"])
    mixed = Expectation([A, B], "partly repaired")
    repaired = Expectation([C], "repaired")
    not_run = "tests/samples/options.py::test_d"
    kept = Expectation([not_run], "did not run")
    new = "tests/samples/verdicts.py::test_new[http1]"
    expected = Expectations(path, [other, mixed, repaired, kept], {"asyncio"}, "1.0")
    expected.update({A: "pass", B: "fail", C: "pass", new: "warn"}, {B, new})
    assert read(path).entries == [
        Expectation([A], "on another variant", variants=["trio"]),
        Expectation([B], "partly repaired"),
        Expectation([not_run], "did not run"),
        Expectation([new], NOT_REVIEWED),
    ]


def test_an_update_keeps_an_id_without_a_case_while_one_of_its_cases_fails(tmp_path: Path) -> None:
    """An id that means every case, of which one passes now, is replaced by those that still fail."""
    path = tmp_path / "some.toml"
    every = "tests/samples/verdicts.py::test_a"
    expected = Expectations(path, [Expectation([every], "the known reason", "https://example.org/1")])
    expected.update({f"{every}[x]": "pass", f"{every}[y]": "fail"}, {f"{every}[y]"})
    (entry,) = read(path).entries
    assert entry == Expectation([f"{every}[y]"], "the known reason", "https://example.org/1")
