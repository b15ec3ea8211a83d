"""The catalogue of requirements: true to the specification's text, complete, and checked."""

from __future__ import annotations

import re

import pytest

from asgi_conformance.fixtures.requirements import LEVELS, MUST, Requirement, catalogue, normalise, uncited
from asgi_conformance.tests import specification
from asgi_conformance.tests.fault_table import Outcome

RST = ("asgi.rst", "extensions.rst", "lifespan.rst", "tls.rst", "www.rst")
CONVENTIONS = ("process conventions", "interoperability conventions")
RFCS = ("RFC 6455", "RFC 7301", "RFC 7692", "RFC 8446", "RFC 9110", "RFC 9112")
PREFIXES = {
    "asgi.rst": {"core"},
    "extensions.rst": {"websocket"},
    "lifespan.rst": {"lifespan"},
    "tls.rst": {"tls"},
    "www.rst": {"http", "websocket"},
    "interoperability conventions": {"interop"},
    "process conventions": {"process"},
    **{document: {document.replace(" ", "").lower()} for document in RFCS},
}
FEWEST = {
    "extensions.rst": 5,
    "RFC 7301": 4,
    "RFC 7692": 300,
}  # the rules or sentences that a short document has at least


def of(document: str) -> list[Requirement]:
    """Return the requirements of one document."""
    return [requirement for requirement in catalogue().values() if requirement.document == document]


def skipped(document: str, found: list[specification.Section]) -> set[int]:
    """Return the positions of sections that are left out as a whole, with a reason."""
    whole = [entry for entry in uncited() if entry["document"] == document and "sentence" not in entry]
    return set().union(*(specification.with_subsections(found, entry["section"]) for entry in whole), set())


@pytest.mark.parametrize("requirement", catalogue().values(), ids=lambda requirement: requirement.id)
def test_requirement_is_well_formed(requirement: Requirement) -> None:
    words = requirement.id.split(".")
    assert words[0] in PREFIXES[requirement.document]
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", word) for word in words)
    assert requirement.level in LEVELS
    assert requirement.document in CONVENTIONS or (requirement.url or "").startswith("https://")


def test_conventions_bind_nobody() -> None:
    """No text stands behind them: none is a MUST, none cites a page, and each is one sentence of our own."""
    for requirement in (requirement for document in CONVENTIONS for requirement in of(document)):
        assert (requirement.level != MUST, requirement.url) == (True, None), requirement.id
        assert re.fullmatch(r"[A-Z][^.]*(\.\w[^.]*)*\.", requirement.quote), requirement.id


@pytest.mark.parametrize("document", RST)
def test_quotes_stand_in_their_section(document: str) -> None:
    found = specification.sections(document)
    left_out = skipped(document, found)
    for requirement in of(document):
        texts = [s.text for n, s in enumerate(found) if s.heading == requirement.section and n not in left_out]
        assert any(requirement.quote in text for text in texts), f"{requirement.id}: {requirement.quote}"


@pytest.mark.parametrize("document", RFCS)
def test_quotes_are_sentences_of_the_rfc(document: str) -> None:
    known = specification.known_hashes(document)
    assert len(known) >= FEWEST.get(document, 500)
    for requirement in of(document):
        assert set(specification.sentence_hashes(requirement.quote)) <= known, requirement.id


@pytest.mark.parametrize("document", RST)
def test_no_rule_is_left_out_without_a_reason(document: str) -> None:
    found = specification.sections(document)
    left_out = skipped(document, found)
    quotes = [requirement.quote for requirement in of(document)]
    reasons = {
        normalise(entry["sentence"]) for entry in uncited() if entry["document"] == document and "sentence" in entry
    }
    rules = {sentence for number, section in enumerate(found) if number not in left_out for sentence in section.rules()}
    assert len(rules) >= FEWEST.get(document, 20)
    uncovered = [
        rule
        for rule in rules
        if not any(quote in rule or rule in quote or _overlap(rule, quote) for quote in quotes)
        and rule.removeprefix("* ") not in reasons
    ]
    assert not uncovered, "\n".join(uncovered)
    stale = {reason for reason in reasons if not any(reason == rule.removeprefix("* ") for rule in rules)}
    assert not stale, "\n".join(stale)


def _overlap(rule: str, quote: str) -> bool:
    """Tell whether a quote that runs over the end of a sentence covers its end or its beginning."""
    shortest = 20
    return any(rule.endswith(quote[:size]) for size in range(shortest, len(quote))) or any(
        rule.startswith(quote[-size:]) for size in range(shortest, len(quote))
    )


def test_every_requirement_has_a_check_or_a_reason(reference: Outcome) -> None:
    cited = {name for names in reference.requirements.values() for name in names}
    missing = [name for name, entry in catalogue().items() if name not in cited and entry.unchecked is None]
    assert not missing
    superfluous = [name for name, entry in catalogue().items() if name in cited and entry.unchecked is not None]
    assert not superfluous


def test_every_check_cites_requirements_of_one_level(reference: Outcome) -> None:
    for check, names in reference.requirements.items():
        assert len({catalogue()[name].level for name in names}) == 1, check


def test_every_check_says_what_is_expected(reference: Outcome) -> None:
    for check, title in reference.titles.items():
        assert title.endswith("."), check
