"""A check that never ends, and says through the named pipe ``SAMPLE_PIPE`` that it has begun."""

import asyncio
import os
from pathlib import Path

from asgi_conformance.fixtures.checks import requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.tests.samples.verdicts import A_MUST


def say_that_it_has_begun() -> None:
    """Write to the pipe, which blocks until somebody reads it."""
    Path(os.environ["SAMPLE_PIPE"]).write_text("begun", encoding="ascii")


@requires(A_MUST)
async def test_waits(http: Http) -> None:
    """Something happens that never does."""
    await http.call()
    say_that_it_has_begun()
    await asyncio.get_running_loop().create_future()
