"""One check of every verdict: what they say is up to them, not to the server."""

from asgi_conformance.fixtures.checks import Broken, inapplicable, requires, unsupported
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.requirements import MUST, SHOULD, catalogue

A_MUST, A_SHOULD = (
    next(requirement.id for requirement in catalogue().values() if requirement.level == level)
    for level in (MUST, SHOULD)
)


async def answer(http: Http) -> int:
    """Have one request answered with 204, as the client sees it."""
    exchange, application = await http.call(target="/sample")
    await application.respond()
    response = await exchange.response()
    await application.finish()
    return response.status


@requires(A_MUST)
async def test_pass(http: Http) -> None:
    """The server answers."""
    assert await answer(http) == 204


@requires(A_MUST)
async def test_fail(http: Http) -> None:
    """The server answers with 205."""
    assert await answer(http) == 205


@requires(A_SHOULD)
async def test_warn(http: Http) -> None:
    """The server does what it should."""
    raise Broken("it does not")


@requires(A_MUST)
async def test_observed(http: Http) -> None:
    """The server chooses one of two."""
    http.observe("the first")


@requires(A_MUST)
async def test_unsupported(http: Http) -> None:
    """The server offers what is optional."""
    unsupported("it does not")


@requires(A_MUST)
async def test_inapplicable(http: Http) -> None:
    """The requirement binds this server."""
    inapplicable("it does not")


@requires(A_MUST)
async def test_error(http: Http) -> None:
    """The suite makes a mistake."""
    raise LookupError("a mistake of the suite's own")
