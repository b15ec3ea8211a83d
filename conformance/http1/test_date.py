"""The Date of a response: RFC 9110, sections 5.6.7 and 6.6.1."""

import asyncio
import datetime
import re
import time

import pytest

from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.client import Http
from asgi_conformance.fixtures.http import Request
from asgi_conformance.fixtures.http1 import Http1Connection
from asgi_conformance.fixtures.timing import DEADLINE, seconds

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
PATTERN = re.compile(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT")
LENIENCE = 5.0  # seconds that a Date may be off: it may be made ahead, and be sent on a busy machine


async def dates(http: Http, method: str = "GET", status: int = 200) -> list[bytes]:
    """Return the values of the Date fields of a response for which the application gives none."""
    exchange, application = await http.call(method)
    await application.respond(status)
    response = await exchange.head()
    await application.finish()
    return response.values(b"date")


async def date(http: Http) -> str:
    """Return the one Date of a response; where there is none, or are two, that is judged elsewhere."""
    found = await dates(http)
    if len(found) != 1:
        inapplicable("the server does not make one Date, which is judged elsewhere")
    return found[0].decode("latin-1")


def read(value: str) -> datetime.datetime | None:
    """Return the time that an IMF-fixdate tells, or ``None`` if it is none."""
    found = PATTERN.fullmatch(value)
    if found is None or found[2] not in MONTHS:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    try:
        moment = datetime.datetime(
            year, MONTHS.index(found[2]) + 1, day, hour, minute, min(second, 59), tzinfo=datetime.timezone.utc
        )
    except ValueError:
        return None
    return moment if value.startswith(DAYS[moment.weekday()]) else None


@pytest.mark.parametrize(
    ("method", "status"),
    [
        case("ok", "GET", 200),
        case("created", "POST", 201),
        case("no-content", "GET", 204),
        case("reset-content", "GET", 205),
        case("moved", "GET", 301),
        case("not-modified", "GET", 304),
        case("not-found", "GET", 404),
        case("unknown-client-error", "GET", 499),
        case("head", "HEAD", 200),
    ],
)
@requires("rfc9110.date.generated")
async def test_response_has_a_date(http: Http, method: str, status: int) -> None:
    """A response of 2xx, 3xx or 4xx for which the application gives no Date has one."""
    assert await dates(http, method, status) != []


@requires("rfc9110.date.own-errors")
async def test_response_to_a_malformed_request_has_a_date(http: Http) -> None:
    """The response of 4xx that the server makes to a malformed request has a Date."""
    exchange = (await http.connect()).by_hand(b"GET / HTTP/1.1\r\nHost: {host}\r\nno colon\r\n\r\n")
    await http.stage.until(lambda: exchange.applications or exchange.over, "a response")
    response = exchange.arrived
    if response is None or not 400 <= response.status < 500:
        inapplicable("the server does not answer with a status of 4xx")
    assert response.values(b"date") != []
    await http.exchange()


@requires("rfc9110.date.format")
async def test_date_is_an_imf_fixdate(http: Http) -> None:
    """The Date that the server makes is an IMF-fixdate, such as "Sun, 06 Nov 1994 08:49:37 GMT"."""
    value = await date(http)
    assert read(value) is not None, f"the Date is {value!r}"


@requires("rfc9110.date.approximate")
async def test_date_is_the_time_of_the_response(http: Http) -> None:
    """The Date that the server makes is that of the moment, give or take a few seconds."""
    before = datetime.datetime.now(datetime.timezone.utc)
    value = await date(http)
    after = datetime.datetime.now(datetime.timezone.utc)
    told = read(value)
    if told is None:
        inapplicable("the Date is no IMF-fixdate, which is judged elsewhere")
    off = datetime.timedelta(seconds=max(LENIENCE, seconds(LENIENCE)))
    assert before - off <= told <= after + off, f"the Date is {value!r}, and it is {after:%a, %d %b %Y %H:%M:%S} GMT"


@requires("rfc9110.date.approximate")
async def test_date_goes_on_along_a_connection(http: Http) -> None:
    """Of the responses on one connection, one a second or two later than the first has another Date."""
    connection = await http.connect()
    first = await date_on(connection)
    deadline = time.monotonic() + max(DEADLINE, seconds(DEADLINE))  # a second takes as long on a fast machine
    while (later := await date_on(connection)) == first:
        assert time.monotonic() < deadline, f"the Date is still {later!r}"
        await asyncio.sleep(0.05)  # the passing of time is what it is about


async def date_on(connection: Http1Connection) -> bytes:
    """Return the Date of a response on this connection; ``inapplicable`` where there is none or the connection ends."""
    if connection.closed is not None:
        inapplicable("the connection does not persist")
    found = (await connection.request(Request(target=b"/date")).answered()).values(b"date")
    if len(found) != 1:
        inapplicable("the server does not make one Date, which is judged elsewhere")
    return found[0]
