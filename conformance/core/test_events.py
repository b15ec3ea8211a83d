"""What every event that the server gives is made of: asgi.rst, Events."""

from asgi_conformance.fixtures.application import Fields
from asgi_conformance.fixtures.checks import requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.values import is_a, kind, walk

ALLOWED = ("bytes", "str", "int", "float", "list", "tuple", "dict", "bool", "NoneType")


async def events_of_an_exchange(http: Http) -> list[Fields]:
    """Return every kind of event that an application receives: pieces of a body, and that the client has left."""
    exchange = await http.request("POST", pieces=[b"one", b"two"])
    application = await exchange.called()
    events = await application.body_events()
    exchange.connection.close()
    return [*events, await application.receive()]


@requires("core.event.is-dict", "core.receive.yields-event")
async def test_events_are_dicts(http: Http) -> None:
    """Every event is a dict, and each call of `receive` gives one when it is due."""
    exchange, application = await http.call("POST", body=b"body")
    receiving = await application.start_receive().outcome()
    assert is_a(receiving.returned, "dict"), f"the event is a {kind(receiving.returned)}"
    await application.respond()
    await exchange.response()


@requires("core.event.keys-unicode")
async def test_keys_are_unicode_strings(http: Http) -> None:
    """Every key of every event is exactly a str."""
    for event in await events_of_an_exchange(http):
        for path, value in walk(dict(event), f"the event {event.get('type')}"):
            if path.endswith(" key"):
                assert kind(value) == "str", f"{path} {value!r}"


@requires("core.event.type.present")
async def test_type_is_present(http: Http) -> None:
    """Every event has a key `type`."""
    for event in await events_of_an_exchange(http):
        assert "type" in event


@requires("core.event.type.type")
async def test_type_is_a_unicode_string(http: Http) -> None:
    """The `type` of every event is exactly a str."""
    for event in await events_of_an_exchange(http):
        assert kind(event["type"]) == "str"


@requires("core.event.type.namespaced")
async def test_type_is_namespaced(http: Http) -> None:
    """The `type` of every event begins with the type of the scope and a dot."""
    for event in await events_of_an_exchange(http):
        assert event["type"].startswith("http.")


@requires("core.event.serializable")
async def test_events_hold_serializable_types_only(http: Http) -> None:
    """Events hold nothing but the types that the specification lists."""
    for event in await events_of_an_exchange(http):
        for path, value in walk(dict(event), "event"):
            assert kind(value) in ALLOWED or is_a(value, "dict"), f"{path} is a {kind(value)}"


@requires("core.event.tuples-as-lists")
async def test_events_hold_no_tuples(http: Http) -> None:
    """Events hold lists, not tuples."""
    for event in await events_of_an_exchange(http):
        for path, value in walk(dict(event), "event"):
            assert kind(value) != "tuple", f"{path} is a tuple"
