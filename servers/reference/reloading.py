"""Hot reload: a single worker, which makes way for a new one when a file of the application has changed."""

import signal
from collections.abc import Callable
from pathlib import Path

from asgi_conformance.servers.reference.workers import Parent

INTERVAL = 0.1  # seconds between two looks


class Reloader(Parent):
    def __init__(self, work: Callable[[], int], folder: Path) -> None:
        super().__init__(work, count=1)
        self.folder = folder
        self.seen = self.look()
        self.changing = False  # the worker has been told to make way

    def look(self) -> dict[Path, int]:
        """Every Python file below the folder, and when it was changed last."""
        return {path: path.stat().st_mtime_ns for path in self.folder.rglob("*.py")}

    def run(self) -> int:
        signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
        return super().run()

    def on_signal(self, number: int) -> None:
        if number == signal.SIGALRM:
            self.compare()
        else:
            super().on_signal(number)

    def compare(self) -> None:
        before, self.seen = self.seen, self.look()
        if before != self.seen and not (self.changing or self.stopping):
            self.changing = True
            self.signal_workers(signal.SIGTERM)

    def on_end(self, status: int) -> None:
        if self.changing and not self.stopping:
            self.changing = False
            self.fork()
        else:
            super().on_end(status)
