"""`asgi-conformance repro`: one script, on the standard library alone, that shows what a check complained of."""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import math
import re
import subprocess
import sys
import tempfile
import textwrap
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from asgi_conformance import __version__
from asgi_conformance.fixtures import recording, requirements
from asgi_conformance.fixtures.deployed import DeployedInstance
from asgi_conformance.fixtures.instance import LIFESPAN_STATE, Instance, Plan, plan
from asgi_conformance.fixtures.probe.asgi_probe import Foreign, Recipe
from asgi_conformance.fixtures.recording import COMES_UP, OVER, Entry, Recording
from asgi_conformance.reporting import reproduction

REPRODUCED, NOT_REPRODUCED, CANNOT = 0, 1, 2
_WIDTH = 118
_LONGEST = 4000  # characters of a literal; what is longer is packed
_SEEN = ("begins", "receives", "sees", "waits in vain", "is refused", *reproduction.OBSERVED)
_MOST_LINES = 20  # of a script that fails otherwise
_LONGEST_RUN = 600.0  # seconds that the new script may take


class CannotBeMade(Exception):
    """No script can be made; the text is one line and says why."""


def main(arguments: Sequence[str]) -> int:
    """Carry out the command and return its exit status: 0 for a script that shows the failure, 1 for none, 2 for neither.

    A script is written, and run once, only where the check fails.
    """
    parser = argparse.ArgumentParser(
        prog="asgi-conformance repro",
        description="Write one script that shows a check's failure without the suite. Other options are those of `run`.",
    )
    parser.add_argument("check", help="the check's id, as results and summaries have it")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="the script (default: named after the check)")
    options, others = parser.parse_known_args(arguments)
    try:
        result, server, record = _run([options.check, *others])
        if result["verdict"] not in ("fail", "warn"):
            said = " ".join([f"{options.check}: {result['verdict']}", *result["message"].splitlines()[:1]])
            print(f"{said}: there is nothing to reproduce")
            return NOT_REPRODUCED
        script = script_of(result, server, record)
    except CannotBeMade as error:
        print(f"asgi-conformance: {error}", file=sys.stderr)
        return CANNOT
    path = options.output or Path(_file_name(server["name"], result["id"]))
    try:
        path.write_text(script, encoding="utf-8")
    except OSError as error:
        print(f"asgi-conformance: {path} cannot be written: {error.strerror}", file=sys.stderr)
        return CANNOT
    assert record.instance is not None
    return _try(path, record.instance.launch.python)


def _try(path: Path, python: str) -> int:
    """Run the new script once, and say what came of it."""
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(path), "--python", python],
            capture_output=True,
            text=True,
            timeout=_LONGEST_RUN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{path}: written, but it had not ended after {_LONGEST_RUN:g} seconds")
        return NOT_REPRODUCED
    if done.returncode == REPRODUCED:
        print(f"{path}: REPRODUCED, when it was run on its own just now")
        return REPRODUCED
    _, found, differences = done.stdout.partition("NOT REPRODUCED")
    told = found + differences if found else "\n".join((done.stdout + done.stderr).splitlines()[-_MOST_LINES:])
    print(f"{path}: written, but the failure did not show when it was run just now; it said")
    print(textwrap.indent(told, "  ").rstrip())
    return NOT_REPRODUCED


# --- the run ----------------------------------------------------------------------------------------------------------


def _run(arguments: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any], Recording]:
    """Run one check with a recording; return its result, the server as the results file has it, and the recording."""
    from asgi_conformance.reporting import cli  # which imports this module

    said = io.StringIO()
    with tempfile.TemporaryDirectory(prefix="asgi-") as folder:
        results = Path(folder, "results.json")
        recording.begin(None)
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                plugins = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "asgi_conformance.reporting.repro")
                status = cli.run([*plugins, f"--results={results}", *arguments])
            record = recording.current
        finally:
            recording.current = None
        if not results.exists():
            errors = [line for line in said.getvalue().splitlines() if line.startswith("ERROR")]
            text = errors[0].removeprefix("ERROR: ") if errors else said.getvalue().strip()
            if text.startswith("not found: "):
                text = f"there is no check {arguments[0]!r}; asgi-conformance run --collect-only -q lists them"
            raise CannotBeMade(text or f"the run ended with status {status} and without a result")
        content = json.loads(results.read_text(encoding="utf-8"))
    assert record is not None
    (result,) = content["checks"]
    if result["verdict"] == "error":
        raise CannotBeMade(f"the suite itself failed: {result['message']}")
    return result, content["server"], record


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse to run anything but a single check."""
    if len(items) != 1:
        raise pytest.UsageError(f"repro takes the id of one check, and this names {len(items)}")


# --- the script -------------------------------------------------------------------------------------------------------


def script_of(result: dict[str, Any], server: dict[str, Any], record: Recording) -> str:
    """Return the source of the script; raises ``CannotBeMade`` for a check whose failure no script can show yet."""
    instance = record.instance
    if instance is None:
        raise CannotBeMade("no script can be made yet for a check that starts, signals or configures a process itself")
    if isinstance(instance, DeployedInstance):
        raise CannotBeMade(
            "a script starts the server, so none can be made of one that is deployed: say --server alone"
        )
    if record.looked_into_the_log:
        raise CannotBeMade("no script can be made yet for a check that reads the server's log by itself")
    if record.unseen is not None:
        raise CannotBeMade(f"no script can be made yet for a check that looks at {record.unseen}")
    if record.tells_processes_apart and instance.options.workers is not None:
        raise CannotBeMade(
            "no script can be made yet for a check that looks at which of several processes a call is in"
        )
    entries = timeline(record, result["id"])
    if not any(entry[1] in _SEEN or entry[:2] == ("server", "ends") for entry in entries):
        raise CannotBeMade("no script can be made for a failure in which nothing was seen on either end")
    template = Path(reproduction.__file__).read_text(encoding="utf-8")
    code = template.partition('"""\n')[2]
    before, _, rest = code.partition("# BEGIN\n")
    _, _, after = rest.partition("# END\n")
    return f'"""{_header(result, server)}"""\n{before}{_data(result, server, record, entries)}\n{after}'


def _header(result: dict[str, Any], server: dict[str, Any]) -> str:
    variant = f" ({server['variant']})" if server["variant"] else ""
    version = f"{server['name']}{variant} {server['version'] or ''}".strip()
    lines = [
        f"A failure of {version}, shown without the suite that found it.",
        "",
        *textwrap.wrap(f"Expected: {result['title']}", 112),
        "",
        f"Recorded by asgi-conformance {__version__} on Python {server['python']}, in the check",
        f"    {result['id']}",
        "",
        *textwrap.wrap(
            "Run it as it is with an interpreter of version 3.8 or later that has the server, or say --python=PATH. It "
            "needs nothing else. It starts the server with the application below, has a client and the application do "
            "what TIMELINE says in that order, each as soon as what precedes it has come, and compares what the client "
            "received, the application saw and the server did with the record. Exit status: 0 reproduced, 1 not "
            "reproduced, 2 the server cannot be run.",
            112,
        ),
    ]
    return "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''") + "\n"


def _data(result: dict[str, Any], server: dict[str, Any], record: Recording, entries: list[Entry]) -> str:
    instance = record.instance
    assert instance is not None
    catalogue = requirements.catalogue()
    cited = [
        {name: getattr(catalogue[key], name) for name in ("id", "level", "document", "section", "quote", "url")}
        for key in result["requirements"]
    ]
    declared = instance.launch.server
    numbered = _numbered(_chosen(record, result["id"]))
    planned = _planned(instance)
    listens = "inherited" if instance.options.inherited else "taken" if instance.options.taken else ""
    adapter = {
        "name": server["name"],
        "distribution": declared.distribution,
        "version": server["version"] or "",
        "python": server["python"],
        "install": " ".join(declared.requires),
    }
    values = {
        "CHECK": result["id"],
        "REQUIREMENTS": cited,
        "EXPECTED": result["title"],
        "COMPLAINT": result["message"],
        "SERVER": adapter,
        "COMMAND": planned.argv,
        "FILES": {**planned.files, **record.files},
        "CERTIFICATE": instance.identity.file.name if instance.identity is not None else None,
        "IDENTITY": instance.client_file.name if instance.client_file is not None else None,
        "LISTENS": listens,
        "ENVIRONMENT": {**declared.environment, **planned.environment},
        "IGNORED": (*declared.ignores, "PYTHON"),
        "HOST": instance.host,
        "STATE": {} if instance.options.alone else LIFESPAN_STATE,
        "ADDRESS": instance.socket_path or instance.port,
        "LOCAL_PORTS": {numbered[name]: port for name, port in record.local_ports.items() if port and name in numbered},
    }
    lines = [f"{name} = {literal(value)}" for name, value in values.items()]
    if record.files:
        lines.insert(
            0, "# The keys in FILES were made for this record. Nobody trusts them, and there is no need to hide them."
        )
    lines += ["", *_LEGEND, "TIMELINE = ["]
    lines += [f"    {_row(entry)}," for entry in entries]
    return "\n".join([*lines, "]"]) + "\n"


_LEGEND = textwrap.dedent("""\
    # Who, a verb, and what it is about, in an order in which everything stands after what it depends on.
    # client N   one connection. It connects (with what it brings to a TLS handshake), writes, ends its sending side, stops
    #            reading, closes, resets: this is done.
    #            It is refused, receives, sees (the end of the stream, a reset): this is waited for.
    # call N     one call of the application. It awaits or starts (in a task of its own) step K: receive(), send(event)...;
    #            it returns, raises, cancels step K, or is let go (gives up and returns): this is done. It begins (with a
    #            scope), gets (what step K returned), catches (what step K raised), ends: this is waited for.
    # server     its process. It is started, is sent a signal, is killed and started again, finds its application changed,
    #            pauses, goes on or is killed in the process of a call: this is done. It comes up, ends (with a status),
    #            does something from now on, takes requests or not, has logged something or not, leaves something behind:
    #            this is waited for, or looked at.
    # everybody  waits in vain, for so many seconds: this is what did not happen.
    # another client is answered: an ordinary request on a connection of its own, after which the server has done what it
    #            was about to do. This is done, and waited for.
    """).splitlines()


def _row(entry: Entry) -> str:
    """Return the source of an entry, which begins with who, verb, and whatever is short, in one line."""
    flat = _flat(entry)
    if len(flat) <= _WIDTH - 4:
        return flat
    return f"({', '.join(map(_flat, entry[:-1]))}, {literal(entry[-1], 4)})"


def _planned(instance: Instance) -> Plan:
    """Return how the server was launched, with placeholders for what differs from run to run."""
    names = ("python", "bin", "app", "host", "port", "path", "fd")
    values = {name: f"{{{name}}}" for name in names}
    if instance.identity is not None:
        values.update({name: f"{{{name}}}" for name in ("certfile", "keyfile", "cafile")})
    planned = plan(instance.launch, instance.options, values, Path("{folder}"))
    return Plan(planned.argv, planned.environment, {name: _of_the_script(text) for name, text in planned.files.items()})


def _of_the_script(source: str) -> str:
    """Return the source of an application that wraps the script's instead of the probe."""
    return source.replace("from asgi_probe import", "from reproduction import")


def timeline(record: Recording, check: str) -> list[Entry]:
    """Return the entries that a script replays."""
    entries = _chosen(record, check)
    merged: list[Entry] = []
    numbered = _numbered(entries)
    for who, *what in entries:
        entry = (numbered[who], *what)
        if merged and entry[1] == "receives" and merged[-1][:2] == entry[:2]:
            merged[-1] = (*entry[:2], merged[-1][2] + entry[2])
        elif entry[1] in ("begins", "gets"):
            merged.append((*entry[:-1], reproduction.plain(_known(entry[-1]))))
        elif entry[1] in reproduction.SIGNALS:
            merged.append((*entry[:2], *[numbered[name] for name in entry[2:] if name in numbered]))
        elif entry[1] == "finds its application changed to":
            merged.append((*entry[:-1], _of_the_script(entry[-1])))
        else:
            merged.append(entry)
    return merged


def _chosen(record: Recording, check: str) -> list[Entry]:
    """Return the entries up to the check's end, and beyond it only if the server was hurt.

    How the server is started, and its lifespan, are among them where the check is about that.
    """
    entries = record.entries
    if OVER in entries and not record.hurt:
        entries = entries[: entries.index(OVER)]
    of_the_lifespan = check.startswith("conformance/lifespan/")
    if not record.own and not of_the_lifespan:
        start = next((n for n, entry in enumerate(entries) if entry == COMES_UP), -1) + 1
        entries = [entry for entry in entries[start:] if entry[0] not in record.lifespans]
    if not of_the_lifespan:  # the script's application completes these by itself
        entries = [entry for entry in entries if entry[0] not in record.ordinary]
    return [entry for entry in entries if entry[1] != "runs in" or (of_the_lifespan and not record.own)]


def _numbered(entries: Iterable[Entry]) -> dict[str, str]:
    """Return new names for connections and calls, of which some may have gone from the record, without gaps."""
    names: dict[str, str] = {}
    for who, *_ in entries:
        kind, _, number = who.partition(" ")
        place = sum(name.startswith(f"{kind} ") for name in names.values()) + 1
        names.setdefault(who, f"{kind} {place}" if number.isdigit() else who)
    return names


def _known(value: Any) -> Any:
    """Return a value in which that of a foreign class is told by its name and repr, as the script tells it."""
    if isinstance(value, Foreign):
        return repr(value)
    if isinstance(value, dict):
        return {_known(key): _known(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_known(item) for item in value])
    return value


# --- literals ---------------------------------------------------------------------------------------------------------

_RECIPES = {
    "iterator": "iter({})",
    "str subclass": "Text({})",
    "bytes subclass": "Bytes({})",
    "dict subclass": "Dict({})",
    "int enum": "number({})",
    "object": "object()",
    "lock": "threading.Lock()",
}


def literal(value: Any, indent: int = 0) -> str:
    """Return the source of a value, in lines that can be read, each but the first indented by so many spaces and more."""
    flat = _flat(value)
    if len(flat) + indent <= _WIDTH - 10:
        return flat
    margin = " " * (indent + 4)
    brackets = "{}" if type(value) is dict else "[]" if type(value) is list else "()"
    if type(value) is dict:
        rows = [f"{_flat(key)}: {literal(item, indent + 4)}" for key, item in value.items()]
    elif type(value) is list and all(isinstance(item, str) for item in value):
        rows = [row.removesuffix(",") for row in _filled(list(map(_flat, value)), _WIDTH - indent)]
    elif type(value) in (list, tuple):
        rows = [literal(item, indent + 4) for item in value]
    elif type(value) is bytes and flat[:1] == "b":
        rows = [repr(piece) for piece in re.findall(rb"[^\n]{1,90}\n?|\n", value)]
    elif type(value) is str and flat[:1] in "'\"":
        rows = [repr(piece) for piece in re.findall(r"[^\n]{1,90}(?:\s|$)|[^\n]{1,90}\n?|\n", value)]
    else:
        return flat
    if type(value) in (bytes, str):
        return "(" + "".join(f"\n{margin}{row}" for row in rows) + f"\n{' ' * indent})"
    return f"{brackets[0]}\n" + "".join(f"{margin}{row},\n" for row in rows) + f"{' ' * indent}{brackets[1]}"


def _filled(words: Sequence[str], width: int) -> list[str]:
    """Return words with commas behind them in lines of a width."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else ''}{word},"
    return lines


def _flat(value: Any) -> str:
    if isinstance(value, Recipe):
        return _RECIPES[value.kind].format(_flat(value.value))
    if type(value) is dict:
        return "{" + ", ".join(f"{_flat(key)}: {_flat(item)}" for key, item in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(_flat, value)) + "]"
    if type(value) is tuple:
        return "(" + ", ".join(map(_flat, value)) + ("," if len(value) == 1 else "") + ")"
    if isinstance(value, memoryview):
        return f"memoryview({_flat(bytes(value))})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if type(value) in (bytes, str) and len(value) > 200:
        return _long(value)
    return repr(value)


def _long(value: Any) -> str:
    """Return the source of long bytes or of a long text: told by what is repeated in it, packed if that does not help."""
    dot = rb"(?s)(.{1,16}?)\1{40,}" if isinstance(value, bytes) else r"(?s)(.{1,16}?)\1{40,}"
    pieces, place = [], 0
    for found in re.finditer(dot, value):
        if found.start() > place:
            pieces.append(repr(value[place : found.start()]))
        unit = found[1]
        pieces.append(f"{unit!r} * {len(found[0]) // len(unit)}")
        place = found.end()
    if place < len(value):
        pieces.append(repr(value[place:]))
    text = " + ".join(pieces)
    if len(text) <= _LONGEST:
        return text if len(pieces) == 1 else f"({text})" if place else text
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    packed = f"unpacked({base64.b64encode(zlib.compress(data, 9)).decode()!r})"
    return packed if isinstance(value, bytes) else f"{packed}.decode('utf-8', 'surrogatepass')"


def _file_name(server: str, check: str) -> str:
    return re.sub(r"\W+", "_", f"repro_{server}_{check.rpartition('::')[2]}").strip("_") + ".py"
