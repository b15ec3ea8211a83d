"""Several workers: a parent that forks them, passes signals on, forks anew what dies, and serves nobody itself.

The listening socket is the parent's, and every worker accepts from it. So a connection that comes while there is no
worker waits for the next one.
"""

import os
import signal
from collections.abc import Callable

STOP = (signal.SIGTERM, signal.SIGINT)
SIGNALS = (*STOP, signal.SIGCHLD, signal.SIGALRM)


class Parent:
    """`work` is what a worker does, from the import of the application to its exit status."""

    def __init__(self, work: Callable[[], int], count: int) -> None:
        self.work = work
        self.count = count
        self.workers: set[int] = set()  # process ids
        self.stopping = False
        self.status = 0

    def run(self) -> int:
        """Until the last worker has ended. Returns the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # they come where they are waited for, and nowhere else
        for _ in range(self.count):
            self.fork()
        while self.workers:
            self.on_signal(signal.sigwait(SIGNALS))
        return self.status

    def fork(self) -> None:
        pid = os.fork()
        if pid != 0:
            self.workers.add(pid)
            return
        status = 1
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            status = self.work()
        finally:
            os._exit(status)  # nothing of the parent's is left to a worker to clean up

    def on_signal(self, number: int) -> None:
        if number in STOP:
            self.stopping = True
            self.signal_workers(number)
        elif number == signal.SIGCHLD:
            self.reap()

    def signal_workers(self, number: int) -> None:
        for pid in self.workers:
            os.kill(pid, number)

    def reap(self) -> None:
        """One SIGCHLD may stand for several workers."""
        while self.workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self.workers.discard(pid)
            self.on_end(os.waitstatus_to_exitcode(status))

    def on_end(self, status: int) -> None:
        """A worker that was killed is replaced. Where one has ended by itself another would, too: give up."""
        if status < 0 and not self.stopping:
            self.fork()
            return
        self.status = self.status or abs(status)
        if not self.stopping:
            self.stopping = True
            self.signal_workers(signal.SIGTERM)
