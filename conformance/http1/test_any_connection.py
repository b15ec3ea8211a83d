"""Any use of one connection: whatever clients and applications do there, each end gets what the other has sent."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from asgi_conformance.fixtures import strategies
from asgi_conformance.fixtures.application import Application, Event
from asgi_conformance.fixtures.checks import Broken, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.hostile import Trap
from asgi_conformance.fixtures.http1 import Exchange, Http1Connection
from asgi_conformance.fixtures.properties import Machine, long, run_machine
from asgi_conformance.fixtures.strategies import Reply

TRAP = b"{trap}"
BODIES = st.lists(st.sampled_from([b"some", TRAP]) | st.binary(max_size=8), max_size=3)
REPLIES = strategies.replies()


class Message:
    """One request and the response to it: what the model knows of both."""

    def __init__(self, number: int, exchange: Exchange, unsent: list[tuple[bytes, bytes]]) -> None:
        self.number = number
        self.exchange = exchange
        self.unsent = unsent  # octets that the client is still to write, and what these add to the body
        self.sent = b""  # of the request's body
        self.received = b""  # of it
        self.heard_of_its_end = False
        self.reply: Reply | None = None
        self.events: list[Event] = []  # that the application is still to send
        self.given = b""  # of the response's body
        self.cut = False  # the application has ended before its response was complete
        self.over = False  # the application has ended, or will not be called

    @property
    def answered(self) -> bool:
        """Whether the application has sent its whole response."""
        return self.reply is not None and not self.events

    @property
    def due(self) -> bool:
        """Whether an event is there for the application to receive."""
        return len(self.received) < len(self.sent) or (not self.unsent and not self.heard_of_its_end)


class Conversation(Machine):
    """Requests one after the other or pipelined, sent at once or bit by bit, and applications that take their time."""

    client: Http

    def __init__(self) -> None:
        super().__init__()
        self.connection: Http1Connection = self.run(self.client.connect())
        self.at_start: bool = self.run(self.client.calls_at_start())
        self.trap = Trap(self.client)
        self.messages: list[Message] = []
        self.client_left = False
        self.connected = True  # neither side had left at the end of the last step
        self.doubtful = False  # the server may close the connection at any time

    # --- where things are ---

    @property
    def last(self) -> Message | None:
        """The request that was begun last."""
        return self.messages[-1] if self.messages else None

    @property
    def current(self) -> Message | None:
        """The request whose turn it is, if the server has to have called the application for it by now."""
        message = next((message for message in self.messages if not message.over), None)
        if message is None or not self.connected or (message.unsent and not self.at_start):
            return None
        return message

    @property
    def turn(self) -> Message:
        """The same, for rules that have made sure of it."""
        message = self.current
        assert message is not None
        return message

    def step(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Do something and compare both ends with the model."""

        async def act() -> None:
            await coroutine
            if self.doubtful and self.connected:
                await self.served()
            self.connected = not self.client_left and self.connection.closed is None
            self.compare()

        self.run(act())

    def compare(self) -> None:
        """Make sure that nothing has arrived at the client but what an application sent in answer to its request."""
        for message in self.messages:
            exchange = message.exchange
            assert len(exchange.applications) <= 1, "the application was called again for the same request"
            assert exchange.refused is None, exchange.outcome
            arrived = exchange.arrived
            if arrived is None or (message.cut and arrived.status >= 500):
                continue
            assert message.reply is not None, f"{exchange.outcome}, and the application has not sent anything"
            assert arrived.status == message.reply.status
            assert message.given.startswith(bytes(arrived.body)), "a body arrived that the application did not send"
            whole = message.answered or (message.reply.length and message.given == message.reply.content)
            assert whole or message.cut or not exchange.complete, "the response is complete though more is to come"
        assert not self.connection.surplus, f"after the last response: {bytes(self.connection.surplus)!r}"
        self.trap.judge()

    # --- the client ---

    @property
    def may_begin(self) -> bool:
        """Whether another request can come: the one before it is whole, and not too many are waiting."""
        whole = self.last is None or not self.last.unsent
        return self.connected and whole and sum(not message.over for message in self.messages) < 3

    @precondition(lambda self: self.may_begin)
    @rule(chunked=st.booleans(), body=BODIES, at_once=st.integers(0, 4))
    def client_begins_request(self, chunked: bool, body: list[bytes], at_once: int) -> None:
        """The client writes a head, and so many pieces of the body right behind it."""
        pieces = [piece.replace(TRAP, self.trap.request) for piece in body if piece]
        if chunked:
            framing = b"Transfer-Encoding: chunked"
            unsent = [(b"%x\r\n%b\r\n" % (len(piece), piece), piece) for piece in pieces] + [(b"0\r\n\r\n", b"")]
        else:
            framing = b"Content-Length: %d" % sum(map(len, pieces))
            unsent = [(piece, piece) for piece in pieces]

        async def begin() -> None:
            number = len(self.messages) + 1
            exchange = self.connection.expect("POST")
            message = Message(number, exchange, unsent)
            head = b"POST /%d HTTP/1.1\r\nHost: %b\r\n%b\r\n\r\n" % (number, exchange.authority, framing)
            self.messages.append(message)
            self.write_body(message, at_once, head)

        self.step(begin())

    def write_body(self, message: Message, count: int, before: bytes = b"") -> None:
        """Write so many further pieces of the body."""
        pieces, message.unsent = message.unsent[:count], message.unsent[count:]
        message.sent += b"".join(content for _, content in pieces)
        self.connection.write(before + b"".join(octets for octets, _ in pieces))

    @precondition(lambda self: self.connected and self.last and self.last.unsent)
    @rule(count=st.integers(1, 3))
    def client_continues_request(self, count: int) -> None:
        """The client writes more of the body."""

        async def go_on() -> None:
            assert self.last is not None
            self.write_body(self.last, count)

        self.step(go_on())

    # --- the application ---

    async def application(self, message: Message) -> Application | None:
        """Return the call for a request, or ``None`` where the server has closed the connection, as it may between two."""
        exchange = message.exchange
        await exchange.stage.until(lambda: exchange.applications or exchange.over, "the application to be called")
        if exchange.applications:
            return exchange.applications[0]
        if message.number == 1 or exchange.arrived is not None:
            raise Broken(f"the application was not called: {exchange.outcome}")
        message.over = True
        return None

    @precondition(lambda self: self.current and self.current.due and not self.current.answered)
    @rule()
    def application_receives(self) -> None:
        """The application receives all that there is."""
        self.step(self.receive(self.turn))

    async def receive(self, message: Message) -> None:
        """Receive what the client has sent of the body, and its end if it has sent that."""
        application = await self.application(message)
        if application is None:
            return
        while message.due:
            self.take(message, await application.receive())

    def take(self, message: Message, event: Event) -> None:
        """Compare one event with what the client has sent."""
        if event["type"] != "http.request":
            raise Broken(f"the application received {event} while the client was there")
        message.received += event.get("body", b"")
        message.heard_of_its_end = not event.get("more_body", False)
        assert message.sent.startswith(message.received), "the application received a body that the client did not send"
        if message.heard_of_its_end:
            assert message.received == message.sent, "the body ended too early"
            assert not message.unsent, "the body ended before the client had sent it all"

    @precondition(lambda self: self.current and self.current.reply is None)
    @rule(reply=REPLIES)
    def application_begins_response(self, reply: Reply) -> None:
        """The application sends a start."""
        self.step(self.begin(self.turn, reply))

    async def begin(self, message: Message, reply: Reply) -> None:
        """Send the start."""
        application = await self.application(message)
        if application is None:
            return
        first = {"body": b"answer %d," % message.number, "more_body": True}
        message.reply = Reply(reply.status, [first, *reply.bodies], reply.length)
        start, *message.events = message.reply.events()
        await application.send(start)

    @precondition(lambda self: self.current and self.current.events)
    @rule()
    def application_continues_response(self) -> None:
        """The application sends the next body event, and the client gets it."""
        self.step(self.go_on(self.turn))

    async def go_on(self, message: Message) -> None:
        """Send the next body event and wait for what it gives to arrive."""
        exchange, event = message.exchange, message.events.pop(0)
        message.given += event.get("body", b"")
        self.doubtful |= message.answered and not message.heard_of_its_end
        await exchange.applications[0].send(event)
        if not message.answered:
            if message.given:
                await exchange.body_bytes(len(message.given))
            return
        try:
            response = await exchange.response()
        except Broken:
            # A server that closes the connection rather than read on may destroy what it has sent, by a reset.
            unread = not message.heard_of_its_end or message is not self.last
            if self.connection.closed != "reset" or not unread:
                raise
        else:
            assert response.body == message.given

    @precondition(lambda self: self.current and self.current.answered)
    @rule()
    def application_returns(self) -> None:
        """The application returns after its response."""
        self.step(self.finish(self.turn))

    async def finish(self, message: Message) -> None:
        """Let the application return."""
        await message.exchange.applications[0].finish()
        message.over = True

    @precondition(lambda self: self.current and self.current.reply is None)
    @rule(reply=REPLIES, receives=st.booleans())
    def application_answers(self, reply: Reply, receives: bool) -> None:
        """The application does all that it does, from the first event to its return."""
        self.step(self.answer(self.turn, reply, receives))

    async def answer(self, message: Message, reply: Reply, receives: bool) -> None:
        """Receive, if it is to, send the response, or what is left of it, and return."""
        if receives and message.due and not message.answered:
            await self.receive(message)
        if message.reply is None and not message.over:
            await self.begin(message, reply)
        while message.events:
            await self.go_on(message)
        if not message.over:
            await self.finish(message)

    @rule()
    def somebody_else_is_served(self) -> None:
        """Another client's request is answered, which gives the server time for whatever it was about to do."""
        self.step(self.served())

    async def served(self) -> None:
        """Have another client's request answered."""
        assert (await self.client.exchange()).status == 204

    # --- the end ---

    async def close(self) -> None:
        """Bring everything to its end."""
        if self.connected and self.last is not None:
            self.write_body(self.last, len(self.last.unsent))
            await self.served()
        while (message := self.current) is not None:
            await self.answer(message, Reply(200, [{"body": b"the end"}], length=True), receives=True)
        await self.client.settle()
        self.compare()


class Departures(Conversation):
    """As above, with clients that leave before they have their responses."""

    def __init__(self) -> None:
        super().__init__()
        self.deserted: Message | None = None  # whose application is still there though its client has left
        self.told = False  # it has been told so

    @precondition(lambda self: self.connected and self.messages)
    @rule(reset=st.booleans())
    def client_leaves(self, reset: bool) -> None:
        """The client closes or resets the connection."""

        async def leave() -> None:
            message = self.current
            if message is not None and await self.application(message) is not None:
                self.deserted = message
            self.connection.reset() if reset else self.connection.close()
            self.client_left = True

        self.step(leave())

    # A server that reads no further than into the next request, which waits for its turn, does not see the client leave.
    @precondition(
        lambda self: self.deserted and self.deserted is self.last and not self.deserted.answered and not self.told
    )
    @rule()
    def application_hears_of_it(self) -> None:
        """The application receives what is left of the body, if anything, and then the disconnect."""
        message = self.deserted
        assert message is not None

        async def listen() -> None:
            application = message.exchange.applications[0]
            for event in await application.events_until(lambda event: event.get("type") != "http.request"):
                if event["type"] != "http.disconnect":
                    self.take(message, event)
            self.told = True

        self.step(listen())

    @precondition(lambda self: self.deserted and self.deserted.events)
    @rule()
    def application_sends_nevertheless(self) -> None:
        """The application sends its next event, which either returns or raises."""
        message = self.deserted
        assert message is not None

        async def send() -> None:
            message.given += message.events[0].get("body", b"")
            await message.exchange.applications[0].attempt(message.events.pop(0))

        self.step(send())

    @precondition(lambda self: self.deserted)
    @rule()
    def application_returns_alone(self) -> None:
        """The application returns, whatever is left to send."""

        message = self.deserted
        assert message is not None

        async def end() -> None:
            await self.finish(message)
            self.deserted = None

        self.step(end())


class EarlyEnds(Conversation):
    """As above, with applications that return or raise before their response is complete."""

    @precondition(lambda self: self.current and not self.current.answered)
    @rule(raises=st.sampled_from([None, "ProbeError", "OSError"]))
    def application_ends_early(self, raises: str | None) -> None:
        """The application ends, and with it the exchange, in whatever way."""
        message = self.turn

        async def end() -> None:
            application = await self.application(message)
            if application is None:
                return
            message.cut = message.over = self.doubtful = True
            if raises is None:
                await application.finish()
            else:
                await application.raise_error(raises)
            await message.exchange.ended()

        self.step(end())


CONVERSATION = (
    "http.body.body.concatenated",
    "http.body.completes",
    "http.body.flushed",
    "http.request.body.concatenated",
    "http.request.more-body.ends",
    "http.scope-per-request.kept-alive",
    "http.scope-per-request.single",
    "http.start.status.value",
    "rfc9112.body.read-or-close",
    "rfc9112.pipelining.order",
    "rfc9112.responses.one-per-request",
)


@requires(*CONVERSATION)
@long
async def test_conversation(http: Http) -> None:
    """Over one connection every request reaches the application, and every response the client, whole and in order."""
    await run_machine(http, Conversation)


@requires(
    *CONVERSATION,
    "core.send.unblocked-by-close",
    "http.disconnect.after-close",
    "http.disconnect.while-waiting",
    "http.request.more-body.truncated",
    "rfc9112.incomplete.chunked",
    "rfc9112.incomplete.content-length",
)
@long
async def test_clients_that_leave(http: Http) -> None:
    """Wherever a client leaves, its application is told so, takes no part of a request for the whole, and can end."""
    await run_machine(http, Departures)


@requires(
    *CONVERSATION,
    "core.error.after-start.terminates",
    "core.error.before-start.terminates",
    "core.error.others-unaffected",
    "http.connection.returned-early.ends",
)
@long
async def test_applications_that_end_early(http: Http) -> None:
    """Wherever an application ends early, its client is not left waiting, and nothing else is disturbed."""
    await run_machine(http, EarlyEnds)
