"""What a server does that cannot start: it says why, and ends with an exit status that tells its supervisor so."""

import sys


def report(reason: str) -> int:
    """Returns the exit status."""
    print(reason, file=sys.stderr)
    return 1
