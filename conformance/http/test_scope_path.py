"""The scope's `path`, `raw_path`, `query_string` and `root_path`: www.rst, HTTP Connection Scope."""

from asgi_conformance.fixtures.checks import requires
from asgi_conformance.fixtures.client import Http


@requires("http.scope.path.decoded")
async def test_percent_encoded_octets_are_decoded(http: Http) -> None:
    """`path` has percent-encoded octets decoded."""
    scope = await http.scope(target="/a%20b")
    assert scope["path"] == "/a b"
