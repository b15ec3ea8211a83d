"""Properties for the tests of properties: whether an example fails is up to them, not to the server.

Each example is written to the file ``tried.txt`` of the working directory, if there is one, when it is tried.
"""

import os
import signal
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import rule

from asgi_conformance.fixtures.checks import Broken, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.properties import Machine, given, long, run_machine
from asgi_conformance.tests.samples.verdicts import A_MUST, A_SHOULD, answer

NUMBERS = st.integers(0, 10_000)


def note(number: int) -> None:
    """Write down that this example is tried."""
    path = Path("tried.txt")
    if path.exists():
        with path.open("a", encoding="ascii") as file:
            file.write(f"{number}\n")


@requires(A_MUST)
@given(number=NUMBERS)
async def test_every_number(http: Http, number: int) -> None:
    """Every number is right."""
    note(number)
    assert await answer(http) == 204


@requires(A_MUST)
@given(share=4, number=NUMBERS)
async def test_dear_numbers(http: Http, number: int) -> None:
    """Every number is right, and dear."""
    note(number)


@requires(A_MUST)
@given(number=NUMBERS, text=st.text())
async def test_small_numbers(http: Http, number: int, text: str) -> None:
    """Every number is below 100."""
    note(number)
    assert await answer(http) == 204
    assert number < 100, "it is too large"


@requires(A_SHOULD)
@given(number=NUMBERS)
async def test_smaller_numbers(http: Http, number: int) -> None:
    """Every number should be below 10."""
    assert number < 10


@requires(A_MUST)
@given(number=NUMBERS)
async def test_mistake(http: Http, number: int) -> None:
    """The suite makes no mistakes."""
    if number >= 100:
        raise LookupError("a mistake of the suite's own")


_seen: set[int] = set()


@requires(A_MUST)
@given(number=NUMBERS)
async def test_first_time(http: Http, number: int) -> None:
    """A large number is right at the second time only."""
    if number >= 100 and not _seen:
        _seen.add(number)
        raise Broken("it is the first")


@requires(A_MUST)
@given(number=NUMBERS)
async def test_survival(http: Http, number: int) -> None:
    """The server survives every number."""
    exchange, application = await http.call()
    if number >= 100:
        os.kill(application.process_id, signal.SIGKILL)
    await application.respond()
    await exchange.response()


class Sum(Machine):
    """Numbers are added up."""

    client: Http

    def __init__(self) -> None:
        super().__init__()
        self.sum = 0

    @rule(number=st.integers(0, 9))
    def add(self, number: int) -> None:
        """Another number comes."""
        self.sum += number
        note(self.sum)
        self.run(self.judge())

    async def judge(self) -> None:
        """Compare the sum with what it may be."""
        assert await answer(self.client) == 204
        if self.sum > 10:
            raise Broken(f"the sum is {self.sum}")


@requires(A_MUST)
@long
async def test_sum(http: Http) -> None:
    """The sum stays small."""
    await run_machine(http, Sum)
