"""Conformance checks for ASGI servers: both ends of every connection, judged against the specification."""

__version__ = "0.1.0"
