"""The type and the presence of each key of the scope: www.rst, HTTP Connection Scope."""

import pytest

from asgi_conformance.fixtures.checks import case, configured, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.values import is_a, items, kind


@pytest.mark.parametrize(
    ("key", "name"),
    [
        case("type", "type", "str", requires="http.scope.type.type"),
        case("http_version", "http_version", "str", requires="http.scope.http-version.type"),
        case("method", "method", "str", requires="http.scope.method.type"),
        case("scheme", "scheme", "str", requires="http.scope.scheme.type"),
        case("path", "path", "str", requires="http.scope.path.type"),
        case("raw_path", "raw_path", "bytes", requires="http.scope.raw-path.type"),
        case("query_string", "query_string", "bytes", requires="http.scope.query-string.type"),
        case("root_path", "root_path", "str", requires="http.scope.root-path.type"),
    ],
)
@requires()
async def test_type_of_key(http: Http, key: str, name: str) -> None:
    """The value of the key is exactly of the type that the specification gives it."""
    scope = await http.scope(target="/path?query")
    if key not in scope or (key == "raw_path" and scope[key] is None):
        inapplicable(f"the scope has no {key}, which is optional or judged elsewhere")
    assert kind(scope[key]) == name


@pytest.mark.parametrize(
    "key",
    [
        case("http_version", "http_version", requires="http.scope.http-version.present"),
        case("method", "method", requires="http.scope.method.present"),
        case("path", "path", requires="http.scope.path.present"),
        case("query_string", "query_string", requires="http.scope.query-string.present"),
        case("headers", "headers", requires="http.scope.headers.present"),
    ],
)
@requires()
async def test_presence_of_key(http: Http, key: str) -> None:
    """The key, which the specification does not call optional, is there."""
    scope = await http.scope()
    assert key in scope


@requires("http.scope.type.value")
async def test_type_is_http(http: Http) -> None:
    """`type` is "http"."""
    scope = await http.scope()
    assert scope["type"] == "http"


@requires("http.scope.asgi-version.type")
async def test_type_of_asgi_version(http: Http) -> None:
    """`asgi["version"]` is exactly a str."""
    scope = await http.scope()
    assert kind(scope["asgi"]["version"]) == "str"


@requires("http.scope.spec-version.type")
async def test_type_of_spec_version(http: Http) -> None:
    """`asgi["spec_version"]`, where it is there, is exactly a str."""
    scope = await http.scope()
    if "spec_version" not in scope["asgi"]:
        inapplicable("the scope has no asgi['spec_version'], which is optional")
    assert kind(scope["asgi"]["spec_version"]) == "str"


@requires("http.scope.spec-version.value")
async def test_spec_version_is_one_of_this_specification(http: Http) -> None:
    """`asgi["spec_version"]` is a version that the HTTP and WebSocket specification has had."""
    scope = await http.scope()
    if "spec_version" not in scope["asgi"]:
        inapplicable("the scope has no asgi['spec_version'], which is optional")
    assert scope["asgi"]["spec_version"] in ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5")


@requires("http.scope.http-version.value")
async def test_http_version_is_that_of_the_request(http: Http) -> None:
    """`http_version` is the version that the request was made in."""
    scope = await http.scope()
    assert scope["http_version"] == http.version


@requires("http.scope.scheme.value", "http.scope.scheme.default")
async def test_scheme_is_that_of_the_connection(http: Http) -> None:
    """`scheme`, or its default, is "http" for a connection in clear, and "https" for one over TLS."""
    scope = await http.scope()
    assert scope.get("scheme", "http") == ("https" if http.is_secure else "http")


@requires("http.scope.scheme.not-empty")
async def test_scheme_is_not_empty(http: Http) -> None:
    """`scheme`, where it is there, is not empty."""
    scope = await http.scope()
    assert scope.get("scheme", "http")


@requires("http.scope.headers.type")
async def test_headers_are_pairs_of_byte_strings(http: Http) -> None:
    """`headers` is an iterable of two-item iterables of exactly bytes."""
    scope = await http.scope(headers=[(b"x-probe", b"value")])
    for header in items(scope["headers"]):
        assert [kind(part) for part in items(header)] == ["bytes", "bytes"], f"the header {header!r}"


@requires("http.scope.client.type")
async def test_client_is_a_pair_of_host_and_port(http: Http) -> None:
    """`client` is a two-item iterable of a str and an int."""
    scope = await http.scope()
    if scope.get("client") is None:
        inapplicable("the scope has no client, which is optional")
    assert [kind(part) for part in items(scope["client"])] == ["str", "int"]


@requires("http.scope.client.host")
async def test_client_host_is_the_address_of_the_connection(http: Http) -> None:
    """The host of `client` is the address that the client connected from."""
    scope = await http.scope()
    if scope.get("client") is None:
        inapplicable("the scope has no client, which is optional")
    assert items(scope["client"])[0] == http.instance.host


@requires("http.scope.client.port")
async def test_client_port_is_the_port_of_the_connection(http: Http) -> None:
    """The port of `client` is the port that the client connected from, as an integer."""
    connection = await http.connect()
    scope = await http.scope(connection=connection)
    if scope.get("client") is None:
        inapplicable("the scope has no client, which is optional")
    assert items(scope["client"])[1] == connection.local_port


@requires("http.scope.server.type")
async def test_server_is_a_pair_of_host_and_port(http: Http) -> None:
    """`server` is a two-item iterable of a str and an int."""
    scope = await http.scope()
    if scope.get("server") is None:
        inapplicable("the scope has no server, which is optional")
    assert [kind(part) for part in items(scope["server"])] == ["str", "int"]


@requires("http.scope.server.host")
async def test_server_host_is_the_listening_address(http: Http) -> None:
    """The host of `server` is the address that the server listens on."""
    scope = await http.scope()
    if scope.get("server") is None:
        inapplicable("the scope has no server, which is optional")
    assert items(scope["server"])[0] == http.instance.host


@requires("http.scope.server.port")
async def test_server_port_is_the_listening_port(http: Http) -> None:
    """The port of `server` is the port that the server listens on, as an integer."""
    scope = await http.scope()
    if scope.get("server") is None:
        inapplicable("the scope has no server, which is optional")
    assert items(scope["server"])[1] == http.instance.port


@requires("http.scope.server.unix")
@configured(unix=True)
async def test_server_is_the_path_of_the_unix_socket(http: Http) -> None:
    """`server`, where it is there, is the path of the Unix socket that the server listens on, and None."""
    scope = await http.scope()
    if scope.get("server") is None:
        inapplicable("the scope has no server, which is optional")
    assert items(scope["server"]) == [http.instance.socket_path, None]


@requires("http.scope.state.type")
async def test_state_is_a_dict_with_str_keys(http: Http) -> None:
    """`state`, where it is there, is a dict whose keys are exactly str."""
    scope = await http.scope()
    if "state" not in scope:
        inapplicable("the scope has no state, which is optional")
    assert is_a(scope["state"], "dict")
    assert {kind(key) for key in items(scope["state"])} <= {"str"}


@pytest.mark.parametrize(
    "key",
    [
        case("spec_version", "spec_version", requires="http.scope.spec-version.default"),
        case("raw_path", "raw_path", requires="http.scope.raw-path.default"),
        case("client", "client", requires="http.scope.client.default"),
        case("server", "server", requires="http.scope.server.default"),
        case("state", "state", requires="http.scope.state.default"),
    ],
)
@requires()
async def test_optional_key(http: Http, key: str) -> None:
    """Whether the optional key is there is the server's choice."""
    scope = await http.scope()
    there = scope["asgi"] if key == "spec_version" else scope
    http.observe(f"{key} is {'missing' if key not in there else 'None' if there[key] is None else 'there'}")
