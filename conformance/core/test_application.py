"""How the application is called: asgi.rst, Overview and Applications."""

from asgi_conformance.fixtures.checks import requires
from asgi_conformance.fixtures.client import Http


@requires("core.application.arguments")
async def test_application_is_called_with_scope_receive_and_send(http: Http) -> None:
    """The application is called with a scope and two callables, which give an event and take one."""
    exchange, application = await http.call()
    assert (await application.receive())["type"] == "http.request"
    await application.respond(200, body=b"taken")
    assert (await exchange.response()).body == b"taken"


@requires("core.application.event-loop")
async def test_application_runs_in_an_event_loop(http: Http) -> None:
    """The application runs in an event loop, the same one for calls that are made at the same time in one thread."""
    first, one = await http.call()
    second, two = await http.call()
    assert one.loop[0]
    assert (one.process_id, one.thread_id) != (two.process_id, two.thread_id) or one.loop == two.loop
    for exchange, application in ((first, one), (second, two)):
        await application.respond()
        await exchange.response()


@requires("core.application.main-thread")
async def test_thread_of_the_application(http: Http) -> None:
    """Whether the application runs in the main thread of its process is the server's choice."""
    exchange, application = await http.call()
    http.observe("in the main thread" if application.in_main_thread else "in another thread")
    await application.respond()
    await exchange.response()


@requires("core.application.once-per-connection")
async def test_application_is_called_once_for_each_of_several_requests(http: Http) -> None:
    """Requests that follow each other lead to one call each, in the same order."""
    connection = await http.connect()
    exchanges = []
    for number in range(3):
        exchange, application = await http.call(target=f"/{number}", connection=connection)
        assert application.scope["path"] == f"/{number}"
        await application.respond()
        await exchange.response()
        await application.finish()
        exchanges.append(exchange)
        if connection.closed:
            connection = await http.connect()
    await http.exchange()
    assert [len(exchange.applications) for exchange in exchanges] == [1, 1, 1]


@requires("core.application.cleanup-time")
async def test_application_that_goes_on_after_its_response(http: Http) -> None:
    """Whether an application that goes on after its response is left to finish is the server's choice."""
    exchange, application = await http.call()
    await application.respond()
    await exchange.response()
    exchange.connection.close()
    await http.exchange()
    http.observe(f"ended ({application.ended})" if application.over else "left to finish")
    assert (await http.exchange()).status == 204
