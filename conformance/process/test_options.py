"""Options of the server: by flag, by a configuration without flags, and both; environment files; factories."""

from collections.abc import Awaitable, Callable

import pytest

from asgi_conformance.fixtures.checks import case, configured, requires
from asgi_conformance.fixtures.process import Process

ROOT_PATH = "/the-root-path"
WORKERS = 2
ALL = {"root_path": ROOT_PATH, "workers": WORKERS, "if_any": ("root_path", "workers"), "shared": True}
Look = Callable[[Process], Awaitable[None]]


async def address(process: Process) -> None:
    """Look for the server where it was told to listen."""
    assert (await process.exchange()).status == 204


async def root_path(process: Process) -> None:
    """Look for the root path in a scope."""
    process.needs("root_path")
    assert (await process.http.scope())["root_path"] == ROOT_PATH


async def workers(process: Process) -> None:
    """Look for as many processes as the server was told to have workers."""
    process.needs("workers")
    assert len(await process.reach(lambda pids: len(pids) >= WORKERS)) == WORKERS


EACH = [case("address", address), case("root-path", root_path), case("workers", workers)]


@configured(root_path=ROOT_PATH, shared=True)
@pytest.mark.parametrize("protocol", [case("http", "http"), case("websocket", "websocket")])
@requires("process.options.root-path")
async def test_root_path(process: Process, protocol: str) -> None:
    """The root path of the options is in the scope."""
    await process.serving()
    assert (await process.scope_of(protocol))["root_path"] == ROOT_PATH


@configured(root_path=ROOT_PATH, workers=WORKERS, shared=True)
@requires("process.options.root-path")
async def test_root_path_of_each_worker(process: Process) -> None:
    """The root path of the options is in the scopes of every worker."""
    await process.serving()
    for _, application in (await process.reach(lambda pids: len(pids) >= WORKERS)).values():
        assert application.scope["root_path"] == ROOT_PATH


@configured(configuration=True, **ALL)
@pytest.mark.parametrize("look", EACH)
@requires("process.options.configuration")
async def test_configuration_without_flags(process: Process, look: Look) -> None:
    """What the configuration file or the environment says has the same effect as the flag."""
    await process.serving()
    await look(process)


@configured(overridden=True, **ALL)
@pytest.mark.parametrize("look", EACH)
@requires("process.options.flag-wins")
async def test_flags_prevail(process: Process, look: Look) -> None:
    """Where the configuration file or the environment says otherwise, the flag is what counts."""
    await process.serving()
    await look(process)


@configured(environment_file="FROM_THE_FILE=its-value\n", shared=True)
@requires("process.options.environment-file")
async def test_environment_file(process: Process) -> None:
    """The application finds the variables of the environment file in its environment."""
    await process.serving()
    exchange, application = await process.http.call()
    assert await application.getenv("FROM_THE_FILE") == "its-value"
    await application.respond()
    await exchange.response()


FACTORY = """
from asgi_probe import app as driven


def create(*arguments, **named):
    async def app(scope, receive, send):
        await driven({**scope, "arguments": len(arguments) + len(named)}, receive, send)

    return app
"""


@configured(factory=True, application=FACTORY, named="served:create", shared=True)
@requires("process.factory.called")
async def test_factory(process: Process) -> None:
    """The factory is called without arguments, and the application that it returns is served."""
    await process.serving()
    assert (await process.http.scope())["arguments"] == 0
