"""Applications that raise, or return too early: asgi.rst, Error Handling; www.rst, HTTP Connection Scope."""

import pytest

from asgi_conformance.fixtures.application import Application, response_body, response_start
from asgi_conformance.fixtures.checks import Broken, case, inapplicable, requires
from asgi_conformance.fixtures.client import Http

ERRORS = [case("exception", "ProbeError"), case("os-error", "OSError")]
LENGTH = [case("with-length", [(b"content-length", b"100")]), case("without-length", [])]


def judge_only_real_cancellation(application: Application, error: str) -> None:
    """End the check where it is about the event loop's own cancellation, which trio lets nobody raise by hand."""
    if error == "cancel" and application.library == "trio":
        inapplicable("trio offers no way to raise its cancellation")


@pytest.mark.parametrize("error", [*ERRORS, case("cancelled-error", "cancel")])
@requires("core.error.before-start.terminates")
async def test_error_before_the_start_ends_the_exchange(http: Http, error: str) -> None:
    """When the application raises before it has sent anything, the client gets a response or the connection's end."""
    exchange, application = await http.call("POST", body=b"body")
    await application.body()
    judge_only_real_cancellation(application, error)
    await application.raise_error(error)
    await exchange.ended()
    assert (await http.exchange()).status == 204


@requires("core.error.before-start.terminates")
async def test_error_before_the_body_was_received_ends_the_exchange(http: Http) -> None:
    """When the application raises without having received the body, the client gets a response or the end."""
    exchange, application = await http.call("POST", body=b"x" * 100_000)
    await application.raise_error()
    await exchange.ended()
    assert (await http.exchange()).status == 204


@pytest.mark.parametrize("error", ERRORS)
@requires("core.error.before-start.500")
async def test_error_before_the_start_is_answered_with_500(http: Http, error: str) -> None:
    """When the application raises before it has sent anything, the client gets a response with status 500."""
    exchange, application = await http.call()
    await application.raise_error(error)
    assert (await exchange.response()).status == 500


@pytest.mark.parametrize("error", [*ERRORS, case("cancelled-error", "cancel")])
@requires("core.error.after-start.terminates")
async def test_error_after_the_start_ends_the_exchange(http: Http, error: str) -> None:
    """When the application raises after the start, the client gets a response or the connection's end."""
    exchange, application = await http.call()
    await application.send(response_start(200))
    judge_only_real_cancellation(application, error)
    await application.raise_error(error)
    await exchange.ended()
    assert (await http.exchange()).status == 204


@pytest.mark.parametrize("headers", LENGTH)
@requires("core.error.after-start.terminates")
async def test_error_in_the_body_ends_the_connection(http: Http, headers: list[tuple[bytes, bytes]]) -> None:
    """When the application raises in the middle of the body, the connection ends."""
    exchange, application = await http.call()
    await application.send(response_start(200, headers))
    await application.send(response_body(b"some", more_body=True))
    await exchange.body_bytes(4)
    await application.raise_error()
    await exchange.ended()
    assert (await http.exchange()).status == 204


@pytest.mark.parametrize("headers", LENGTH)
@requires("core.error.after-start.incomplete")
async def test_error_in_the_body_does_not_look_like_its_end(http: Http, headers: list[tuple[bytes, bytes]]) -> None:
    """When the application raises in the middle of the body, the response does not look complete."""
    exchange, application = await http.call()
    await application.send(response_start(200, headers))
    await application.send(response_body(b"some", more_body=True))
    await exchange.body_bytes(4)
    await application.raise_error()
    try:
        await exchange.ended()
    except Broken:
        inapplicable("the exchange does not end, which is judged elsewhere")
    assert not exchange.complete, "the client got a complete response"


@pytest.mark.parametrize("begun", [case("before-the-start", False), case("in-the-body", True)])
@requires("core.error.others-unaffected")
async def test_error_does_not_touch_other_exchanges(http: Http, begun: bool) -> None:
    """When the application raises, exchanges on other connections go on, and later ones are served."""
    other, bystander = await http.call(target="/bystander")
    await bystander.send(response_start(200))
    await bystander.send(response_body(b"before", more_body=True))
    exchange, application = await http.call(target="/failing")
    if begun:
        await application.send(response_start(200))
        await application.send(response_body(b"some", more_body=True))
        await exchange.body_bytes(4)
    await application.raise_error()
    assert (await http.exchange()).status == 204
    await bystander.send(response_body(b" and after"))
    assert (await other.response()).body == b"before and after"


@requires("core.error.others-unaffected")
async def test_many_errors_do_no_harm(http: Http) -> None:
    """Twenty applications that raise one after the other leave the server as it was."""
    for _ in range(20):
        _, application = await http.call()
        await application.raise_error()
    assert (await http.exchange()).status == 204


@pytest.mark.parametrize("sent", [case("nothing", 0), case("the-start", 1), case("half-of-the-body", 2)])
@requires("http.connection.returned-early.ends")
async def test_early_return_ends_the_exchange(http: Http, sent: int) -> None:
    """When the application returns without a whole response, the client gets a response or the connection's end."""
    exchange, application = await http.call()
    for event in [response_start(200), response_body(b"some", more_body=True)][:sent]:
        await application.send(event)
    await application.finish()
    await exchange.ended()
    assert (await http.exchange()).status == 204


@pytest.mark.parametrize("sent", [case("nothing", 0), case("the-start", 1), case("half-of-the-body", 2)])
@requires("http.connection.returned-early.answer")
async def test_answer_to_an_early_return(http: Http, sent: int) -> None:
    """What the client gets when the application returns without a whole response is the server's choice."""
    exchange, application = await http.call()
    for event in [response_start(200), response_body(b"some", more_body=True)][:sent]:
        await application.send(event)
    await application.finish()
    await http.settle()
    http.observe(exchange.outcome)
