"""Checks for the tests of ``--confirm``: each writes down which server process it was run against."""

from pathlib import Path

from asgi_conformance.fixtures.checks import requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.tests.samples.verdicts import A_MUST

TRIED = Path("tried.txt")


async def runs(http: Http) -> list[str]:
    """Answer a request; return the process ids of the servers of this run of the check and of those before it."""
    exchange, application = await http.call()
    await application.respond()
    await exchange.response()
    return noted(application.process_id)


def noted(process_id: int) -> list[str]:
    """Write a process id down; return all of them."""
    with TRIED.open("a", encoding="ascii") as file:
        file.write(f"{process_id}\n")
    return TRIED.read_text(encoding="ascii").split()


@requires(A_MUST)
async def test_always_fails(http: Http) -> None:
    """The server does what it never does."""
    assert await runs(http) == []


@requires(A_MUST)
async def test_fails_once(http: Http) -> None:
    """The server does what it does only the second time."""
    assert len(await runs(http)) == 2


@requires(A_MUST)
async def test_passes(http: Http) -> None:
    """The server is called at all."""
    assert await runs(http) != []
