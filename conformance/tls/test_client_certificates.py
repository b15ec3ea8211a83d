"""What the application is told of the client's certificate, where the server demands one: tls.rst."""

from itertools import pairwise
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from asgi_conformance.fixtures.application import Fields
from asgi_conformance.fixtures.certificates import AFTER, BEFORE, Identity
from asgi_conformance.fixtures.checks import Broken, case, configured, inapplicable, requires
from asgi_conformance.fixtures.names import SUBJECTS
from asgi_conformance.fixtures.tls import Hello, Tls, TlsConnection, der_of, name_of
from asgi_conformance.fixtures.values import is_a, items

pytestmark = configured(client_certificates=True)

CHAINS = [
    case("alone", 1, False),
    case("with-the-root", 1, True),
    case("two", 2, False),
    case("two-and-the-root", 2, True),
    case("three", 3, False),
    case("four", 4, False),
]
VERSIONS = [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")]
KEYS = [case("ec", "ec"), case("rsa", "rsa"), case("ed25519", "ed25519")]


async def shown(tls: Tls, identity: Identity, version: str | None = None) -> Fields:
    """Return the extension on a connection of a client with this identity."""
    connection = await tls.agreed(Hello(version, identity=identity), "the client's certificate")
    return await tls.told(connection)


def chain_of(told: Fields) -> list[Any]:
    """Return the chain, and end the check as inapplicable where it is empty, as it may be."""
    chain = items(told.get("client_cert_chain", []))
    if not chain:
        inapplicable("client_cert_chain is empty, which it may be where the server cannot tell")
    return chain


def name_in(told: Fields) -> x509.Name:
    """Return the client's name, and end the check as inapplicable where it is not given, as it need not be."""
    text = told.get("client_cert_name")
    if text is None:
        inapplicable("client_cert_name is None, which it may be where the server cannot tell")
    return name_of(str(text))


async def resumed_with(tls: Tls, identity: Identity, version: str) -> TlsConnection:
    """Return a connection over a session that was resumed, in whose first handshake the client showed itself."""
    first = await tls.agreed(Hello(version, identity=identity), f"TLS {version}")
    await tls.scope(connection=first)
    first.close()
    if first.session is None:
        inapplicable(f"the server does not offer to resume a session of TLS {version}")
    second = await tls.secure(first.hello, before=first)
    await tls.exchange()
    if not second.resumed:
        inapplicable(f"the server does not resume sessions of TLS {version}")
    return second


# --- the chain --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "with_root"), CHAINS)
@requires("tls.client-cert-chain.type", "tls.client-cert-chain.pem")
async def test_each_item_is_a_certificate(tls: Tls, length: int, with_root: bool) -> None:
    """`client_cert_chain` yields Unicode strings, each of them one certificate in PEM."""
    told = await shown(tls, tls.certificates.identity(length=length, with_root=with_root))
    for item in chain_of(told):
        assert is_a(item, "str")
        assert len(der_of(item)) == 1


@pytest.mark.parametrize("key", KEYS)
@requires("tls.client-cert-chain.first")
async def test_first_is_the_client_s(tls: Tls, key: str) -> None:
    """The first certificate of `client_cert_chain` is the client's own."""
    identity = tls.certificates.identity(key=key, length=2)
    assert der_of(chain_of(await shown(tls, identity))[0]) == identity.der[:1]


@pytest.mark.parametrize(("length", "with_root"), CHAINS)
@requires("tls.client-cert-chain.sent-by-client")
async def test_chain_is_what_the_client_sent(tls: Tls, length: int, with_root: bool) -> None:
    """`client_cert_chain` has no certificate that the client has not sent."""
    identity = tls.certificates.identity(length=length, with_root=with_root)
    for item in chain_of(await shown(tls, identity)):
        assert der_of(item)[0] in identity.der


@pytest.mark.parametrize(("length", "with_root"), CHAINS[2:])
@requires("tls.client-cert-chain.order")
async def test_each_certificate_signs_the_one_before(tls: Tls, length: int, with_root: bool) -> None:
    """Each certificate of `client_cert_chain` but the first signs the one before it."""
    chain = chain_of(await shown(tls, tls.certificates.identity(length=length, with_root=with_root)))
    certificates = [x509.load_der_x509_certificate(der_of(item)[0]) for item in chain]
    for signed, signer in pairwise(certificates):
        try:
            signed.verify_directly_issued_by(signer)
        except Exception as error:
            raise Broken(f"{signer.subject} has not signed {signed.subject}, which comes before it") from error


@pytest.mark.parametrize(("length", "with_root"), CHAINS)
@requires("tls.client-cert-chain.complete")
async def test_chain_is_complete(tls: Tls, length: int, with_root: bool) -> None:
    """It shows how many of the certificates that the client has sent are in `client_cert_chain`."""
    identity = tls.certificates.identity(length=length, with_root=with_root)
    told = await shown(tls, identity)
    tls.observe(f"{len(items(told.get('client_cert_chain', [])))} of {len(identity.chain)} certificates are there")


@requires("tls.client-cert-chain.unable")
async def test_server_is_able_to_tell_the_chain(tls: Tls) -> None:
    """It shows whether `client_cert_chain` is empty although the client has shown a certificate."""
    told = await shown(tls, tls.certificates.identity())
    tls.observe(f"client_cert_chain is {'given' if items(told.get('client_cert_chain', [])) else 'empty'}")


# --- the name ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", [case(key, key) for key in SUBJECTS])
@requires("tls.client-cert-name.value", "tls.client-cert-name.rfc4514")
async def test_name_is_the_subject(tls: Tls, subject: str) -> None:
    """`client_cert_name`, read as RFC 4514 has it, is the subject of the client's certificate."""
    identity = tls.certificates.identity(SUBJECTS[subject])
    assert name_in(await shown(tls, identity)) == identity.subject


@requires("tls.client-cert-name.type")
async def test_name_is_a_string(tls: Tls) -> None:
    """`client_cert_name` is a Unicode string where the client has shown a certificate, or None."""
    name = (await shown(tls, tls.certificates.identity())).get("client_cert_name")
    assert name is None or is_a(name, "str")


@pytest.mark.parametrize(("length", "with_root"), CHAINS)
@requires("tls.client-cert-name.with-chain", "tls.client-cert-name.consistent")
async def test_name_goes_with_the_chain(tls: Tls, length: int, with_root: bool) -> None:
    """Where `client_cert_chain` is not empty, `client_cert_name` is the subject of its first certificate."""
    told = await shown(tls, tls.certificates.identity(length=length, with_root=with_root))
    own = x509.load_der_x509_certificate(der_of(chain_of(told)[0])[0])
    if told.get("client_cert_name") is None:
        raise Broken("client_cert_name is None, and client_cert_chain is not empty")
    assert name_of(str(told["client_cert_name"])) == own.subject


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.client-cert-name.value")
async def test_name_over_a_resumed_session(tls: Tls, version: str) -> None:
    """Over a session that was resumed, `client_cert_name`, where it is given, is that of the client's certificate."""
    identity = tls.certificates.identity()
    told = await tls.told(await resumed_with(tls, identity, version))
    assert name_in(told) == identity.subject


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.client-cert-chain.first")
async def test_chain_over_a_resumed_session(tls: Tls, version: str) -> None:
    """Over a session that was resumed, `client_cert_chain`, where it is not empty, begins with the client's own."""
    identity = tls.certificates.identity(length=2)
    told = await tls.told(await resumed_with(tls, identity, version))
    assert der_of(chain_of(told)[0]) == identity.der[:1]


@requires("tls.client-cert-name.value")
async def test_each_connection_has_its_own_client(tls: Tls) -> None:
    """With several clients at once, each request is told of the client that sent it."""
    identities = [tls.certificates.identity(SUBJECTS[key]) for key in ("comma", "latin", "one-attribute", "plus")]
    connections = [await tls.agreed(Hello(identity=identity), "the certificate") for identity in identities]
    for _ in range(2):
        for identity, connection in zip(identities, connections, strict=True):
            if connection.closed is not None:
                inapplicable("the connection does not persist")
            assert name_in(await tls.told(connection)) == identity.subject


@requires("tls.client-cert-name.unable", "tls.client-cert-name.without-chain")
async def test_server_is_able_to_tell_the_name(tls: Tls) -> None:
    """It shows whether `client_cert_name` is given where the client has shown a certificate."""
    told = await shown(tls, tls.certificates.identity())
    chain = "with" if items(told.get("client_cert_chain", [])) else "without"
    tls.observe(f"client_cert_name is {'None' if told.get('client_cert_name') is None else 'given'}, {chain} a chain")


# --- verification -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
@requires("tls.client-cert-error.verified")
async def test_no_error_with_a_good_certificate(tls: Tls, key: str) -> None:
    """`client_cert_error` is None, or missing, where the client's certificate was verified."""
    assert (await shown(tls, tls.certificates.identity(key=key))).get("client_cert_error") is None


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.presence.every-request")
async def test_extension_is_there_with_a_certificate(tls: Tls, version: str) -> None:
    """Where the server offers the extension, it does so to a client with a certificate, over each version of TLS."""
    await tls.offers(tls.certificates.identity())
    hello = Hello(version, identity=tls.certificates.identity(length=2))
    connection = await tls.agreed(hello, f"TLS {version}")
    assert "tls" in ((await tls.scope(connection=connection)).get("extensions") or {})


BAD: dict[str, dict[str, Any]] = {
    "expired": {"valid": BEFORE},
    "not-yet-valid": {"valid": AFTER},
    "of-an-unknown-authority": {"stranger": True},
    "for-servers-only": {"purpose": ExtendedKeyUsageOID.SERVER_AUTH},
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fault", [case("missing", None), *(case(key, key) for key in BAD)])
@requires("rfc8446.error.closes")
async def test_client_without_a_good_certificate_is_refused(tls: Tls, fault: str | None, version: str) -> None:
    """Where a certificate is demanded, a client that has none, or a bad one, does not reach the application."""
    good = await tls.agreed(Hello(version, identity=tls.certificates.identity()), f"TLS {version}")
    await tls.exchange(good)
    identity = tls.certificates.identity(**BAD[fault]) if fault is not None else None
    await refused(tls, Hello(version, identity=identity))


async def refused(tls: Tls, hello: Hello) -> None:
    """Make sure that a client is served nothing, that its connection ends, and that others are served afterwards."""
    __tracebackhide__ = True
    try:
        connection = await tls.secure(hello)
    except Broken:
        await tls.exchange()
        return
    exchange = await tls.request(connection=connection)
    await tls.stage.until(lambda: exchange.applications or exchange.over, "the connection to end")
    if exchange.applications:
        await exchange.answered()
        raise Broken("the application was called, and its response came")
    if exchange.arrived is not None:
        raise Broken(f"the request was answered with {exchange.arrived.status}")
    await tls.settle()
