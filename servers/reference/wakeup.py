"""How tasks wait for one another: whoever changes something notifies, whoever waits looks again."""

import anyio


class Wakeup:
    """Wakes every task that is waiting. It is always used as `while not CONDITION: await wakeup.wait()`."""

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def notify(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()
