"""The probe's encoding carries every value over the control channel with its exact type."""

from __future__ import annotations

import enum
import itertools
import math
import types
from collections import OrderedDict
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_conformance.fixtures.probe.asgi_probe import Foreign, Recipe, pack, unpack

LONG = bytes(range(256)) * 40  # longer than what travels inside the header


class Text(str):
    """A str that is not exactly one."""

    __slots__ = ()


class Octets(bytes):
    """A bytes that is not exactly one."""


class Number(int):
    """An int that is not exactly one."""


class Mapping(dict[str, int]):
    """A dict that is not exactly one."""


class Colour(enum.IntEnum):
    """An int with a name."""

    RED = 7


class Unprintable:
    """An object whose repr is a mistake."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr today")


def carried(value: Any) -> Any:
    """Return what arrives when ``value`` is sent."""
    message = unpack(bytearray(pack({"value": value})))
    assert message is not None
    return message["value"]


def shown(value: Any) -> Any:
    """Return a value as something whose equality is exact as to types, NaN and the order of keys included."""
    if isinstance(value, dict):
        return dict, [(shown(key), shown(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [shown(item) for item in value]
    if isinstance(value, Foreign):
        return Foreign, value.type, value.text, value.bases, shown(value.value)
    if isinstance(value, Recipe):
        return Recipe, value.kind, shown(value.value)
    return type(value), repr(value.tobytes() if isinstance(value, memoryview) else value)


EXACT = {
    "none": None,
    "true": True,
    "one": 1,
    "zero": 0,
    "false": False,
    "beyond 64 bits": -(2**64) - 1,
    "far beyond 64 bits": 10**300,
    "float": 0.1,
    "whole float": 1.0,
    "negative zero": -0.0,
    "nan": math.nan,
    "infinity": math.inf,
    "negative infinity": -math.inf,
    "text": 'a"\\\x00\n\x7fä€😀',
    "lone surrogates": "\udc80 and \ud83d",
    "two surrogates that look like a pair": "\ud83d\ude00",
    "bytes": b"\x00\x7f\x80\xff",
    "no bytes": b"",
    "256 bytes": b"x" * 256,
    "257 bytes": b"x" * 257,
    "long bytes": LONG,
    "bytearray": bytearray(b"\xff"),
    "long bytearray": bytearray(LONG),
    "memoryview": memoryview(b"\xff"),
    "long memoryview": memoryview(LONG),
    "list": [b"a", "a", [], [[]]],
    "tuple": (b"a", "a", (), ((1,),)),
    "list of a tuple and a list": [(b"name", b"value"), [b"name", b"value"]],
    "lists that look like tags": ["b", ["B", 5], ["d", 1, 2], ["o"]],
    "dict": {"b": 1, "a": {b"c": [(None, True)]}},
    "keys of every kind": {1: "int", b"1": "bytes", "1": "str", (1, b"1"): "tuple", None: "none", 0.5: "float"},
    "long and short bytes": [
        LONG,
        b"short",
        {"x": bytes(reversed(LONG)), LONG: (b"", LONG[:300])},
        bytearray(LONG[5:]),
    ],
    "recipe": Recipe("iterator", [b"a", LONG]),
}


@pytest.mark.parametrize("value", EXACT.values(), ids=EXACT.keys())
def test_a_built_in_value_arrives_as_it_was(value: Any) -> None:
    """The value and its type, and those of everything in it, are the same at the other end."""
    assert shown(carried(value)) == shown(value)


def test_a_readable_buffer_of_bytes_is_one_at_the_other_end() -> None:
    """A memoryview arrives as one of the same bytes."""
    assert bytes(carried(memoryview(b"abc")[1:])) == b"bc"


KEYS = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.tuples(st.text(), st.binary())
VALUES: st.SearchStrategy[Any] = st.recursive(
    KEYS
    | st.floats()
    | st.text(st.characters(exclude_categories=()))  # surrogates too
    | st.sampled_from([LONG[:256], LONG[:257], LONG])
    | st.binary().map(bytearray)
    | st.binary().map(lambda data: memoryview(data)),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=15,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(st.dictionaries(st.text(), VALUES))
def test_every_message_arrives_as_it_was(message: dict[str, Any]) -> None:
    """Whatever built-in values a message is made of, it is the same at the other end."""
    buffer = bytearray(pack(message))
    assert shown(unpack(buffer)) == shown(message)
    assert buffer == b""


# --- values of other classes ------------------------------------------------------------------------------------------


class Pair(NamedTuple):
    """A tuple that is not exactly one."""

    name: bytes
    value: bytes


HERE = __name__
FOREIGN = {
    "str subclass": (Text("a"), f"{HERE}.Text", "str", "a"),
    "bytes subclass": (Octets(LONG), f"{HERE}.Octets", "bytes", LONG),
    "int subclass": (Number(2**70), f"{HERE}.Number", "int", 2**70),
    "dict subclass": (Mapping(a=1), f"{HERE}.Mapping", "dict", {"a": 1}),
    "int enum": (Colour.RED, f"{HERE}.Colour", "int", 7),
    "named tuple": (Pair(b"a", LONG), f"{HERE}.Pair", "tuple", [b"a", LONG]),
    "ordered dict": (OrderedDict(a=b"1"), "collections.OrderedDict", "dict", {"a": b"1"}),
    "mapping proxy": (types.MappingProxyType({"a": (1,)}), "mappingproxy", "object", {"a": (1,)}),
    "set": ({b"a"}, "set", "object", [b"a"]),
    "generator": ((item for item in (b"a", "b")), "generator", "object", [b"a", "b"]),
    "nothing built-in": (object(), "object", "object", None),
}


@pytest.mark.parametrize(("value", "name", "base", "nearest"), FOREIGN.values(), ids=FOREIGN.keys())
def test_another_class_is_told_by_its_name_and_its_nearest_built_in_value(
    value: Any, name: str, base: str, nearest: Any
) -> None:
    """A value of any other class arrives as ``Foreign``: class, bases, repr, and the built-in value it stands for."""
    text = repr(value)
    arrived = carried({"it": [value]})["it"][0]
    assert type(arrived) is Foreign
    assert arrived.type == name
    assert arrived.bases[0] == name
    assert base in arrived.bases
    assert arrived.bases[-1] == "object"
    assert arrived.text == text[:2000]
    assert shown(arrived.value) == shown(nearest)


def test_an_object_whose_repr_fails_is_told_all_the_same() -> None:
    """The text says what came instead of a repr."""
    arrived = carried(Unprintable())
    assert arrived.type.endswith("Unprintable")
    assert arrived.text == "unprintable: RuntimeError('no repr today')"
    assert arrived.value is None


def test_what_was_foreign_stays_so_when_it_is_sent_on() -> None:
    """A ``Foreign`` that is sent back arrives unchanged."""
    arrived = carried(Text("a"))
    assert shown(carried(arrived)) == shown(arrived)


# --- frames -----------------------------------------------------------------------------------------------------------

MESSAGES: list[dict[str, Any]] = [
    {"first": LONG, "second": b"short", "third": [LONG[1:], {"x": LONG[2:]}], "fourth": None},
    {},
    {"do": "return"},
    {"long": LONG, "text": "ä" * 1000},
]


def test_frames_that_come_byte_by_byte() -> None:
    """A message is there with the last byte of its frame and not before."""
    buffer = bytearray()
    for message in MESSAGES:
        *most, last = pack(message)
        for byte in most:
            buffer.append(byte)
            assert unpack(buffer) is None
        buffer.append(last)
        assert shown(unpack(buffer)) == shown(message)
        assert buffer == b""


def test_several_frames_that_come_at_once() -> None:
    """Messages are taken one at a time, in their order, and the beginning of a further one stays."""
    frames = [pack(message) for message in MESSAGES]
    buffer = bytearray(b"".join(frames) + frames[0][:-1])
    for message in MESSAGES:
        assert shown(unpack(buffer)) == shown(message)
    assert unpack(buffer) is None
    assert buffer == frames[0][:-1]


def test_blobs_lie_in_the_frame_as_they_are() -> None:
    """Long bytes travel raw: the frame is hardly longer than they are."""
    assert len(pack({"value": [b"\xff" * 100_000, b"\xfe" * 100_000]})) < 200_200


def test_the_pieces_of_many_blobs_are_told_apart() -> None:
    """Each of many long byte strings of different lengths arrives in its own place."""
    blobs = [bytes([number]) * (257 + number) for number in range(100)]
    assert carried(list(itertools.chain(blobs, [b"end"]))) == [*blobs, b"end"]
