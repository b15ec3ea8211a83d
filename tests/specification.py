"""Reading the specification's own text: its sections, its sentences, and which of them sound like rules."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

SPEC = Path(__file__).parent.parent / "conformance" / "requirements" / "spec"
_NORMATIVE = re.compile(r"(?i:\b(must|should|may|need not|required|will|needs? to)\b|\*need not\*)|\bOptional\b")
_KEY = re.compile(r"^\* ``[^`]+`` (Optional)?\(\*")


@dataclass(frozen=True)
class Section:
    """One section of a document, without its subsections; ``depth`` counts from 0, the document's title."""

    heading: str
    depth: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The section's words, white space normalised."""
        return normalise(" ".join(line for line in self.lines if line != ".. note::"))

    def rules(self) -> list[str]:
        """Return the sentences that sound like rules or define a key, white space normalised."""
        found = []
        for block in _blocks(self.lines):
            for sentence in _sentences(block):
                if _KEY.match(sentence) or _NORMATIVE.search(sentence):
                    found.append(sentence)
        return found


def normalise(text: str) -> str:
    """Return a text with each run of white space as one space."""
    return " ".join(text.split())


def sections(document: str) -> list[Section]:
    """Return the sections of a reStructuredText document of the specification, in order."""
    lines = (SPEC / document).read_text(encoding="utf-8").split("\n")
    depths: dict[str, int] = {}
    found: list[tuple[str, int, list[str]]] = [("", -1, [])]
    number = 0
    while number < len(lines):
        line, following = lines[number], lines[number + 1] if number + 1 < len(lines) else ""
        if re.fullmatch(r"=+", line) and number + 2 < len(lines) and lines[number + 2] == line:
            found.append((normalise(following), 0, []))
            number += 3
        elif (
            line.strip()
            and line[0] != " "
            and re.fullmatch(r"([=\-'])\1{2,}", following)
            and len(following) >= len(line)
        ):
            found.append((normalise(line), depths.setdefault(following[0], len(depths) + 1), []))
            number += 2
        else:
            found[-1][2].append(line)
            number += 1
    return [Section(heading, depth, tuple(body)) for heading, depth, body in found]


def with_subsections(found: list[Section], heading: str) -> set[int]:
    """Return the positions of a section and of all that lie below it."""
    start = next(number for number, section in enumerate(found) if section.heading == heading)
    end = start + 1
    while end < len(found) and found[end].depth > found[start].depth:
        end += 1
    return set(range(start, end))


def _blocks(lines: tuple[str, ...]) -> list[str]:
    """Paragraphs and list items, without literal blocks."""
    blocks: list[str] = []
    current: list[str] = []
    literal, announced = False, False
    for line in (*lines, ""):
        if literal:
            if not line.strip() or line[0] == " ":
                continue
            literal = False
        if not line.strip() or line.strip() == ".. note::" or line.startswith(".. _") or re.match(r"\s*[*-] ", line):
            if current:
                blocks.append(normalise(" ".join(current)))
            current = []
        if not line.strip():
            literal, announced = announced, False
        elif not line.startswith(".. _") and line.strip() != ".. note::":
            current.append(line if re.match(r"\s*\* ``", line) else re.sub(r"^\s*[*-] ", "", line))
            announced = line.rstrip().endswith("::")
    return blocks


def _sentences(block: str) -> list[str]:
    found: list[str] = []
    for piece in re.split(r"(?<=[.!?:])\s+(?=[A-Z`(\"*])", block):
        if found and re.search(r"(i\.e|e\.g|etc)\.$", found[-1]):
            found[-1] += " " + piece
        elif piece:
            found.append(piece)
    return found


def sentence_hashes(text: str) -> list[str]:
    """Return, for each sentence of a text, its line in ``requirements/spec/*.sentences``."""
    sentences = re.split(r"""(?:(?<=[.?!])|(?<=[.?!][)"])) (?![a-z])""", normalise(text))
    return [hashlib.sha256(sentence.encode()).hexdigest()[:16] for sentence in sentences]


def known_hashes(document: str) -> set[str]:
    """Return the hashes of all sentences of an RFC, such as ``RFC 9110``."""
    path = SPEC / (document.replace(" ", "").lower() + ".sentences")
    return {line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")}
