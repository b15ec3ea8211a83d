"""A check that needs an option which a server without an adapter does not have."""

from asgi_conformance.fixtures.checks import configured, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.tests.samples.verdicts import A_MUST


@configured(root_path="/mount")
@requires(A_MUST)
async def test_mounted(http: Http) -> None:
    """The server answers under a root path."""
    assert (await http.exchange()).status == 204
