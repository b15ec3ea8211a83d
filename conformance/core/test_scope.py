"""What every scope is made of: asgi.rst, Applications, Extensions, Strings and Unicode."""

import pytest

from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.values import is_a, items, kind, walk


@requires("core.scope.is-dict")
async def test_scope_is_a_dict(http: Http) -> None:
    """The scope is a dict."""
    exchange, application = await http.call()
    assert is_a(application.exact_scope, "dict"), f"the scope is a {kind(application.exact_scope)}"
    await application.respond()
    await exchange.response()


@requires("core.scope.keys-unicode")
async def test_keys_are_unicode_strings(http: Http) -> None:
    """Every key of the scope, and of the dictionaries in it, is exactly a str."""
    scope = await http.scope()
    for path, value in walk(dict(scope), "scope"):
        if path.endswith(" key"):
            assert kind(value) == "str", f"{path} {value!r}"


@requires("core.scope.type.present")
async def test_type_is_present(http: Http) -> None:
    """The scope has a key `type`."""
    assert "type" in await http.scope()


@requires("core.scope.type.type")
async def test_type_is_a_unicode_string(http: Http) -> None:
    """`scope["type"]` is exactly a str."""
    assert kind((await http.scope())["type"]) == "str"


@requires("core.scope.asgi.present")
async def test_asgi_is_a_dict(http: Http) -> None:
    """`scope["asgi"]` is there, and is a dict."""
    assert is_a((await http.scope())["asgi"], "dict")


@requires("core.scope.asgi.version.present")
async def test_asgi_version_is_present(http: Http) -> None:
    """`scope["asgi"]` has a key `version`."""
    assert "version" in items((await http.scope())["asgi"])


@requires("core.scope.asgi.version.value")
async def test_asgi_version_is_three(http: Http) -> None:
    """`scope["asgi"]["version"]` is "3.0", as which the application was called."""
    assert (await http.scope())["asgi"]["version"] == "3.0"


@requires("core.extensions.is-dict")
async def test_extensions_is_a_dict(http: Http) -> None:
    """`extensions`, where it is there, is a dict."""
    scope = await http.scope()
    if "extensions" not in scope:
        inapplicable("the scope has no extensions, which are optional")
    assert is_a(scope["extensions"], "dict")


@requires("core.extensions.name.type")
async def test_names_of_extensions_are_unicode_strings(http: Http) -> None:
    """The names of extensions are exactly str."""
    scope = await http.scope()
    if "extensions" not in scope:
        inapplicable("the scope has no extensions, which are optional")
    assert {kind(name) for name in items(scope["extensions"])} <= {"str"}


@requires("core.extensions.value.is-dict")
async def test_values_of_extensions_are_dicts(http: Http) -> None:
    """The value of each extension is a dict."""
    scope = await http.scope()
    if "extensions" not in scope:
        inapplicable("the scope has no extensions, which are optional")
    for name in items(scope["extensions"]):
        assert is_a(scope["extensions"][name], "dict"), f"the value of {name!r}"


@requires("core.extensions.offered")
async def test_extensions_offered(http: Http) -> None:
    """Which extensions are offered is the server's choice."""
    scope = await http.scope()
    http.observe(f"offers {', '.join(map(str, items(scope.get('extensions') or {}))) or 'none'}")


@pytest.mark.parametrize(
    ("base", "names"),
    [
        case("bytes", "bytes", ("raw_path", "query_string"), requires="core.strings.bytes"),
        case("str", "str", ("type", "http_version", "method", "path"), requires="core.strings.str"),
    ],
)
@requires()
async def test_strings_are_of_their_type(http: Http, base: str, names: tuple[str, ...]) -> None:
    """What the specification calls a byte string is bytes, and what it calls a Unicode string is str."""
    scope = await http.scope(headers=[(b"x-probe", b"value")])
    for name in names:
        if scope.get(name) is not None:
            assert is_a(scope[name], base), f"scope[{name!r}] is a {kind(scope[name])}"
    if base == "bytes":
        for header in items(scope["headers"]):
            assert all(is_a(part, "bytes") for part in items(header)), f"the header {header!r}"


@requires("core.strings.exact")
async def test_strings_are_of_the_exact_type(http: Http) -> None:
    """No string in the scope or in an event is of a subclass of str or bytes."""
    exchange, application = await http.call("POST", body=b"body")
    event = await application.receive()
    for path, value in [*walk(dict(application.scope), "scope"), *walk(dict(event), "event")]:
        assert not (kind(value) != "str" and is_a(value, "str")), f"{path} is a {kind(value)}"
        assert not (kind(value) != "bytes" and is_a(value, "bytes")), f"{path} is a {kind(value)}"
    await application.respond()
    await exchange.response()
