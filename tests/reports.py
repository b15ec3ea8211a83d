"""Results files made up for the tests of the reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CHECK = "conformance/http/test_scope_path.py::test_encoded_slash_is_decoded[http1]"
TRANSCRIPT = "\n".join(
    [
        "      ms  client                                       server                                application",
        "     0.0  GET / HTTP/1.1\\r\\n                        -->",
        "          \\r\\n                                      -->",
        f"     0.4  {'':<44}        --> called with {{'type': 'http', 'path':",
        f"          {'':<44}        --> '/'}}",
        f"     0.9  {'':<44}        <-- return",
        "     1.1  (end of stream)                           <--",
        "     1.2  -- another request was answered with 204",
    ]
)


def check(name: str = CHECK, verdict: str = "pass", **fields: Any) -> dict[str, Any]:
    """Return a check's entry of a results file, with what does not matter filled in."""
    return {
        "id": name,
        "requirements": ["http.scope.path.decoded"],
        "level": "MUST",
        "verdict": verdict,
        "duration": 0.1,
        "message": "",
        "observation": None,
        "transcript": "",
        "title": "The `path` is decoded.",
        "expected": None,
        **fields,
    }


def content(*checks: dict[str, Any], **server: Any) -> dict[str, Any]:
    """Return the content of a results file."""
    return {
        "schema": 1,
        "suite": "0.1.0",
        "server": {
            "name": "uvicorn",
            "variant": "",
            "version": "0.30.0",
            "python": "3.12.1",
            "argv": ["/usr/bin/python3", "-m", "uvicorn", "asgi_probe:app", "--port", "0"],
            **server,
        },
        "platform": "Linux 6.1 x86_64",
        "started": "2026-01-02T03:04:05Z",
        "duration": 12.5,
        "checks": list(checks),
    }


def write(path: Path, *checks: dict[str, Any], **server: Any) -> Path:
    """Write a results file and return its path."""
    path.write_text(json.dumps(content(*checks, **server)), encoding="utf-8")
    return path
