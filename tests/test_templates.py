"""A server's command line is made from templates, and what is wrong with one is said in a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_conformance.fixtures.instance import BadTemplate, Launch, Options
from asgi_conformance.servers import registry
from asgi_conformance.servers.adapter import Configuration, Server

VALUES = {"app": "module:app", "host": "127.0.0.1", "port": "8000", "python": "/a path/python"}
SERVER = Server(
    name="some",
    command="{python} -m some {app}",
    tcp="--bind {host}:{port}",
    unix="--bind unix:{path}",
    options="--quiet",
    root_path="--root {root_path}",
    variants={
        "http": {"fast": "--http fast", "h11": "--http h11", "h11-slow": "--http slow"},
        "loop": {"uvloop": "", "asyncio": "--loop 'asyncio {port}'"},
    },
)


# --- the command line -------------------------------------------------------------------------------------------------


def test_the_parts_of_a_command_line_in_their_order() -> None:
    """Command, where to listen, what every launch needs, the variant's, other options, the user's own; no quotes needed."""
    launch, options = Launch(SERVER, "asyncio-h11", arguments=("--more", "a b")), Options(root_path="/a b")
    argv = launch.argv({**VALUES, **options.values(Path("/folder"))}, *options.templates(SERVER, launch.variant))
    assert argv == [
        *("/a path/python", "-m", "some", "module:app"),
        *("--bind", "127.0.0.1:8000"),
        "--quiet",
        *("--loop", "asyncio 8000"),
        *("--http", "h11"),
        *("--root", "/a b"),
        *("--more", "a b"),
    ]


def test_the_user_s_arguments_are_no_templates() -> None:
    """Braces in ``--server-args`` stay as they are."""
    assert Launch(SERVER, arguments=("{not} {a} placeholder",)).argv(VALUES)[-1] == "{not} {a} placeholder"


def test_doubled_braces_stand_for_braces() -> None:
    """As in Python's own format strings."""
    assert Launch(registry.from_command("run '{{}}' {app}")).argv(VALUES) == ["run", "{}", "module:app"]


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("run {app} {prot}", "the command template's {prot} is not known; there are {app}, {host}, {port}, {python}"),
        ("run {}", "the command template's {} is not known"),
        ("run {0}", "the command template's {0} is not known"),
        ("run {app", "the command template's '{app' is malformed"),
        ("run app}", "the command template's 'app}' is malformed"),
        ("run '{app}", "cannot be split into words: No closing quotation"),
        ("run {port:d}", "{port:d}"),
        ("run {port!x}", "{port!x}"),
        ("run {port.real}", "{port.real}"),
        ("run {port[0]}", "{port[0]}"),
        ("run {app:{nothing}}", "{app:{nothing}}"),
        ("", "the command template is empty"),
        ("  ", "the command template is empty"),
    ],
)
def test_a_bad_template_is_explained_in_one_line(template: str, complaint: str) -> None:
    """The message names the part that is wrong."""
    values = dict(sorted(VALUES.items()))
    with pytest.raises(BadTemplate) as raised:
        Launch(registry.from_command(template)).argv(values)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_every_template_may_use() -> None:
    """Interpreter, its folder, application, host and port."""
    values = Launch(SERVER, python="/venv/bin/python").values("127.0.0.1", 8000)
    assert values == {
        "python": "/venv/bin/python",
        "bin": "/venv/bin",
        "app": "asgi_probe:app",
        "host": "127.0.0.1",
        "port": "8000",
    }


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "templates"),
    [
        (Options(), (["--bind {host}:{port}"], [])),
        (Options(root_path="/a"), (["--bind {host}:{port}"], ["--root {root_path}"])),
        (Options(unix=True), (["--bind unix:{path}"], [])),
        (Options(unix=True, root_path="/a"), (["--bind unix:{path}"], ["--root {root_path}"])),
        (Options(alone=True, application="app = None"), (["--bind {host}:{port}"], [])),
    ],
)
def test_options_choose_templates(options: Options, templates: tuple[list[str], list[str]]) -> None:
    """Where to listen is apart, and what is not asked for stays away."""
    assert options.templates(SERVER, "") == templates


CONFIGURED = replace(
    SERVER,
    proxies_off="--no-proxies",
    trusted_proxies="--trust {trusted_proxies}",
    workers="--workers {workers}",
    configuration=Configuration("--config {configuration}", "some.toml", "port = {port}"),
)


@pytest.mark.parametrize(
    ("options", "templates"),
    [
        (Options(), (["--bind {host}:{port}"], ["--no-proxies"])),
        (Options(default_proxies=True), (["--bind {host}:{port}"], [])),
        (Options(trusted_proxies="x"), (["--bind {host}:{port}"], ["--no-proxies", "--trust {trusted_proxies}"])),
        (Options(configuration=True, workers=2), (["--config {configuration}"], ["--no-proxies"])),
        (
            Options(overridden=True, workers=2),
            (["--config {configuration}", "--bind {host}:{port}"], ["--no-proxies", "--workers {workers}"]),
        ),
        (Options(reload=True, if_any=("reload",)), (["--bind {host}:{port}"], ["--no-proxies"])),
        (Options(shared=True, taken=True, named="some:app"), (["--bind {host}:{port}"], ["--no-proxies"])),
    ],
)
def test_options_with_and_without_flags(options: Options, templates: tuple[list[str], list[str]]) -> None:
    """A configuration takes the place of flags, unless they are to override it; proxies are off unless asked for."""
    assert options.templates(CONFIGURED, "") == templates


def test_options_fill_their_placeholders() -> None:
    """Each option's own value, and a socket in the instance's folder."""
    values = Options(root_path="/a", unix=True).values(Path("/folder"))
    assert (values["root_path"], values["path"]) == ("/a", "/folder/socket")


@pytest.mark.parametrize(("options", "name"), [(Options(root_path="/a"), "root_path"), (Options(unix=True), "unix")])
def test_an_option_that_the_server_does_not_have(options: Options, name: str) -> None:
    """The option's name is told."""
    with pytest.raises(KeyError, match=f"^'{name}'$"):
        options.templates(Server(name="some", command="run"), "")


@pytest.mark.parametrize(("options", "name"), [(Options(root_path="/a"), "root_path"), (Options(unix=True), "unix")])
def test_an_option_that_a_variant_lacks(options: Options, name: str) -> None:
    """It is none with that choice, be it the variant's or the server's own, and one with another choice."""
    server = replace(SERVER, lacks={"fast": ("root_path", "unix")})
    for variant in ("", "fast", "asyncio"):
        with pytest.raises(KeyError, match=f"^'{name}'$"):
            options.templates(server, variant)
    assert options.templates(server, "h11") == options.templates(SERVER, "h11")


# --- variants ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "chosen", "active"),
    [
        ("", {}, {"fast", "uvloop"}),
        ("h11", {"http": "h11"}, {"h11", "uvloop"}),
        ("asyncio", {"loop": "asyncio"}, {"fast", "asyncio"}),
        ("asyncio-h11", {"loop": "asyncio", "http": "h11"}, {"h11", "asyncio"}),
        ("h11-slow-asyncio", {"http": "h11-slow", "loop": "asyncio"}, {"h11-slow", "asyncio"}),
    ],
)
def test_a_variant_chooses_from_the_groups(variant: str, chosen: Mapping[str, str], active: set[str]) -> None:
    """The longest name that fits is taken; the other groups stay with their first."""
    assert SERVER.factors(variant) == chosen
    assert SERVER.active_factors(variant) == active


@pytest.mark.parametrize(
    ("variant", "complaint"),
    [
        ("nothing", "some has no variant 'nothing'; there are: fast, h11, h11-slow, uvloop, asyncio"),
        ("h11-nothing", "some has no variant 'nothing'; there are:"),
        ("h11-fast", "the variants 'h11' and 'fast' of some exclude each other"),
        ("-", "some has no variant ''; there are:"),
    ],
)
def test_a_variant_that_there_is_not(variant: str, complaint: str) -> None:
    """The message names the variants that there are."""
    with pytest.raises(ValueError, match="variant") as raised:
        SERVER.factors(variant)
    assert str(raised.value).startswith(complaint)


# --- the shipped adapters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", registry.names())
def test_every_variant_of_a_shipped_adapter_makes_a_command_line(name: str, tmp_path: Path) -> None:
    """Templates have no unknown placeholders, and each variant alone is one that can be named."""
    server = registry.find(name)
    variants: Sequence[str] = ["", *(choice for choices in server.variants.values() for choice in choices)]
    for variant in variants:
        launch = Launch(server, variant)
        values = {**launch.values("127.0.0.1", 8000), **Options(root_path="/mount").values(tmp_path)}
        argv = launch.argv(values, [server.tcp], [server.root_path or ""])
        assert argv[0] == launch.python
        assert "asgi_probe:app" in argv
        assert any("8000" in word for word in argv)


@pytest.mark.parametrize(
    ("version", "command", "timeout"),
    [
        ("0.9", "old", None),
        ("0.21.1", "old", None),
        ("0.22", "new", "--grace {graceful_timeout}"),
        (None, "new", "--grace {graceful_timeout}"),
    ],
)
def test_older_releases_are_told_otherwise(version: str | None, command: str, timeout: str | None) -> None:
    """What a release does not know yet it is not told; of one whose version nobody knows the newest is assumed."""
    server = Server(
        "sample",
        "new",
        graceful_timeout="--grace {graceful_timeout}",
        older={"<0.22": {"command": "old", "graceful_timeout": None}},
    )
    told = server.of_version(version)
    assert (told.command, told.graceful_timeout, told.older) == (command, timeout, server.older)
