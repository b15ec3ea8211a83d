"""What the application is told where a client may show a certificate, and where nobody asks for one: tls.rst."""

import pytest

from asgi_conformance.conformance.tls.test_client_certificates import BAD
from asgi_conformance.fixtures.application import Fields
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.tls import Hello, Tls, entries, name_of
from asgi_conformance.fixtures.values import is_a, items
from asgi_conformance.fixtures.verdicts import Broken

ASKED = [
    case("not-asked-for", options={}),
    case("optional", options={"optional_client_certificates": True}),
]
OPTIONAL = [case("optional", options={"optional_client_certificates": True})]


@pytest.mark.parametrize((), ASKED)
@requires("tls.client-cert-chain.not-provided")
async def test_no_chain_without_a_certificate(tls: Tls) -> None:
    """`client_cert_chain` is empty, or missing, where the client has shown no certificate."""
    assert items((await tls.told()).get("client_cert_chain", [])) == []


@pytest.mark.parametrize((), ASKED)
@requires("tls.client-cert-name.not-provided")
async def test_no_name_without_a_certificate(tls: Tls) -> None:
    """`client_cert_name` is None, or missing, where the client has shown no certificate."""
    assert (await tls.told()).get("client_cert_name") is None


@pytest.mark.parametrize((), ASKED)
@requires("tls.client-cert-error.not-provided")
async def test_no_error_without_a_certificate(tls: Tls) -> None:
    """`client_cert_error` is None, or missing, where the client has shown no certificate."""
    assert (await tls.told()).get("client_cert_error") is None


@pytest.mark.parametrize((), OPTIONAL)
@requires("tls.client-cert-name.value", "tls.client-cert-error.verified")
async def test_optional_certificate_is_told(tls: Tls) -> None:
    """A client that shows a good certificate unasked for is known by it, without an error."""
    identity = tls.certificates.identity(length=2)
    told = await tls.told(await tls.agreed(Hello(identity=identity), "the client's certificate"))
    assert told.get("client_cert_error") is None
    if told.get("client_cert_name") is None:
        inapplicable("client_cert_name is None, which it may be where the server cannot tell")
    assert name_of(str(told["client_cert_name"])) == identity.subject


@pytest.mark.parametrize((), OPTIONAL)
@requires("tls.presence.every-request")
async def test_extension_is_there_with_and_without_a_certificate(tls: Tls) -> None:
    """Where the server offers the extension to a client without a certificate, it does so to one with it."""
    await tls.told()
    connection = await tls.agreed(Hello(identity=tls.certificates.identity()), "the client's certificate")
    assert "tls" in ((await tls.scope(connection=connection)).get("extensions") or {})


async def told_of_a_bad_one(tls: Tls, fault: str) -> Fields | None:
    """Return the scope of a request by a client with a bad certificate; ``None`` where the server refuses the client."""
    hello = Hello(identity=tls.certificates.identity(**BAD[fault]))
    try:
        connection = await tls.secure(hello)
    except Broken:
        await tls.exchange()
        return None
    exchange = await tls.request(connection=connection)
    await tls.stage.until(lambda: exchange.applications or exchange.over, "the client to be served or refused")
    if not exchange.applications:
        await tls.exchange()
        return None
    await exchange.answered()
    return exchange.applications[0].scope


ROWS = [case(key, key, options={"optional_client_certificates": True}) for key in BAD]


@pytest.mark.parametrize("fault", ROWS[:3])
@requires("tls.client-cert-error.failed")
async def test_bad_certificate_is_told(tls: Tls, fault: str) -> None:
    """Where a client with a bad certificate is served, `client_cert_error` is a string that is not empty."""
    good = await tls.agreed(Hello(identity=tls.certificates.identity()), "the client's certificate")
    told = await tls.told(good)
    if told.get("client_cert_name") is None and not items(told.get("client_cert_chain", [])):
        inapplicable("the server tells nothing of a good certificate, which it may not have asked for")
    scope = await told_of_a_bad_one(tls, fault)
    if scope is None:
        return
    error = entries(scope).get("client_cert_error")
    assert is_a(error, "str")
    assert error


@pytest.mark.parametrize("fault", ROWS)
@requires("tls.client-cert-error.rejected")
async def test_reaction_to_a_bad_certificate(tls: Tls, fault: str) -> None:
    """It shows whether a client with a bad certificate is served, where none is demanded."""
    await tls.scope()
    scope = await told_of_a_bad_one(tls, fault)
    tls.observe("the client is refused" if scope is None else "the client is served")
