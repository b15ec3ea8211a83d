"""Properties: whatever the client does in its handshake, that is what the application is told."""

from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import strategies as st

from asgi_conformance.fixtures.checks import configured, requires
from asgi_conformance.fixtures.properties import given
from asgi_conformance.fixtures.tls import Hello, Refused, Tls, TlsConnection, der_of, name_of
from asgi_conformance.fixtures.values import items

SUITES = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
VALUES = st.text(
    st.one_of(
        st.sampled_from(' ,+"\\<>;=#/\n'),
        st.characters(codec="utf-8", exclude_characters="\0"),
    ),
    min_size=1,
    max_size=15,  # of up to four octets: a common name has no more than 64
)
ATTRIBUTES = st.builds(
    x509.NameAttribute,
    st.sampled_from(
        [NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.LOCALITY_NAME]
    ),
    VALUES,
)
SUBJECTS = st.builds(
    x509.Name,
    st.lists(
        st.builds(
            x509.RelativeDistinguishedName,
            st.lists(ATTRIBUTES, min_size=1, max_size=3, unique_by=lambda attribute: attribute.oid),
        ),
        min_size=1,
        max_size=4,
    ),
)
RECORDS = st.sampled_from([1, 2, 17, 1 << 14])
PACKETS = st.sampled_from([1, 3, 100, 1 << 20])


async def opened(tls: Tls, hello: Hello) -> TlsConnection | None:
    """Return a connection, or ``None`` where the server does not agree to what the client brings."""
    try:
        return await tls.secure(hello)
    except Refused:
        await tls.exchange()
        return None


@requires("tls.tls-version.in-use", "tls.cipher-suite.in-use", "tls.server-cert.value")
@given(
    version=st.sampled_from(["1.2", "1.3", None]),
    suites=st.lists(st.sampled_from(SUITES), min_size=1, unique=True),
)
async def test_any_handshake(tls: Tls, version: str | None, suites: list[str]) -> None:
    """Version, suite and certificate, where the server can tell them, are those of the client's handshake."""
    connection = await opened(tls, Hello(version, ":".join(f"ECDHE-ECDSA-{suite}" for suite in suites)))
    if connection is None:
        return
    told = await tls.told(connection)
    assert told["tls_version"] in (None, connection.version)
    assert told["cipher_suite"] in (None, connection.cipher_suite)
    assert told["server_cert"] is None or der_of(told["server_cert"])[0] == connection.certificate


@configured(client_certificates=True)
@requires("tls.client-cert-name.value", "tls.client-cert-chain.sent-by-client", "tls.client-cert-error.verified")
@given(
    subject=SUBJECTS,
    length=st.integers(1, 4),
    with_root=st.booleans(),
    key=st.sampled_from(["ec", "ed25519"]),
    version=st.sampled_from(["1.2", "1.3", None]),
)
async def test_any_client(
    tls: Tls, subject: x509.Name, length: int, with_root: bool, key: str, version: str | None
) -> None:
    """Name and chain, where the server can tell them, are those of the client's certificate, and there is no error."""
    identity = tls.certificates.identity(subject, length=length, with_root=with_root, key=key)
    connection = await opened(tls, Hello(version, identity=identity))
    if connection is None:
        return
    told = await tls.told(connection)
    assert told.get("client_cert_error") is None
    name = told.get("client_cert_name")
    assert name is None or name_of(str(name)) == subject
    for item in items(told.get("client_cert_chain", [])):
        assert der_of(item)[0] in identity.der


@requires("rfc8446.records.split")
@given(
    share=2,
    version=st.sampled_from(["1.2", "1.3", None]),
    body=st.binary(max_size=200),
    record=RECORDS,
    packet=PACKETS,
)
async def test_any_cut(tls: Tls, version: str | None, body: bytes, record: int, packet: int) -> None:
    """However a request is cut into records and packets, the application receives its body as it was sent."""
    connection = await opened(tls, Hello(version))
    if connection is None:
        return
    connection.close()
    connection = await tls.secure(Hello(version, record=record, packet=packet))
    exchange, application = await tls.call("POST", body=body, connection=connection)
    assert await application.body() == body
    await application.respond(200, body=body)
    assert (await exchange.response()).body == body
