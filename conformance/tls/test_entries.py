"""What the extension says of the connection, clients' certificates aside: tls.rst, "TLS Connection Scope"."""

from typing import Any

import pytest

from asgi_conformance.conformance.tls.test_presence import resumed
from asgi_conformance.fixtures.checks import case, inapplicable, requires
from asgi_conformance.fixtures.tls import Hello, Tls, TlsConnection, der_of, extension_of
from asgi_conformance.fixtures.values import is_a, items

VERSIONS = [case("tls-1-2", "1.2"), case("tls-1-3", "1.3")]
KINDS = [
    case("ec", options={}),
    case("rsa", options={"server_certificate": "rsa"}),
    case("ed25519", options={"server_certificate": "ed25519"}),
    case("below-an-intermediate", options={"server_certificate": "chain"}),
]
SUITES_OF_1_3 = range(0x1301, 0x1308)
"""The suites that are for TLS 1.3 (RFC 8446, appendix B.4, and those that were registered since)."""


async def given(tls: Tls, key: str, connection: TlsConnection | None = None) -> Any:
    """Return an entry of the extension, and end the check as inapplicable where it is None, as it may be."""
    value = (await tls.told(connection))[key]
    if value is None:
        inapplicable(f"{key} is None, which it may be where the server cannot tell")
    return value


@requires("tls.extension.is-dict")
async def test_extension_is_a_dictionary(tls: Tls) -> None:
    """The extension tls is a dictionary."""
    assert is_a(extension_of(await tls.scope()), "dict")


@pytest.mark.parametrize(
    "key",
    [
        case("server_cert", "server_cert", requires="tls.server-cert.present"),
        case("tls_version", "tls_version", requires="tls.tls-version.present"),
        case("cipher_suite", "cipher_suite", requires="tls.cipher-suite.present"),
    ],
)
@requires()
async def test_mandatory_entry_is_there(tls: Tls, key: str) -> None:
    """A mandatory entry is there, be it as None."""
    assert key in await tls.told()


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        case("server_cert", "server_cert", "str", requires="tls.server-cert.type"),
        case("client_cert_name", "client_cert_name", "str", requires="tls.client-cert-name.type"),
        case("client_cert_error", "client_cert_error", "str", requires="tls.client-cert-error.type"),
        case("tls_version", "tls_version", "int", requires="tls.tls-version.type"),
        case("cipher_suite", "cipher_suite", "int", requires="tls.cipher-suite.type"),
    ],
)
@requires()
async def test_type_of_an_entry(tls: Tls, key: str, kind: str) -> None:
    """An entry, where it is there and not None, is of its type."""
    value = (await tls.told()).get(key)
    assert value is None or (is_a(value, kind) and not is_a(value, "bool"))


@requires("tls.client-cert-chain.type")
async def test_chain_is_iterable(tls: Tls) -> None:
    """`client_cert_chain`, where it is there, is an iterable of Unicode strings."""
    chain = (await tls.told()).get("client_cert_chain", [])
    assert all(is_a(item, "str") for item in items(chain))


@pytest.mark.parametrize(
    "key",
    [
        case("server_cert", "server_cert", requires="tls.server-cert.unable"),
        case("tls_version", "tls_version", requires="tls.tls-version.unable"),
        case("cipher_suite", "cipher_suite", requires="tls.cipher-suite.unable"),
    ],
)
@requires()
async def test_server_is_able_to_tell(tls: Tls, key: str) -> None:
    """It shows whether the server is able to provide an entry that may be None."""
    tls.observe(f"{key} is {'None' if (await tls.told()).get(key) is None else 'given'}")


@pytest.mark.parametrize(
    "key",
    [
        case("client_cert_chain", "client_cert_chain", requires="tls.client-cert-chain.default"),
        case("client_cert_name", "client_cert_name", requires="tls.client-cert-name.default"),
        case("client_cert_error", "client_cert_error", requires="tls.client-cert-error.default"),
    ],
)
@requires()
async def test_optional_entry_may_be_missing(tls: Tls, key: str) -> None:
    """It shows whether an optional entry is there where there is nothing to say."""
    entries = await tls.told()
    tls.observe(f"{key} is {entries[key]!r}" if key in entries else f"{key} is not there")


# --- the server's certificate -----------------------------------------------------------------------------------------


@pytest.mark.parametrize((), KINDS)
@requires("tls.server-cert.pem", "tls.server-cert.value")
async def test_server_cert_is_the_one_that_was_sent(tls: Tls) -> None:
    """`server_cert`, where it is not None, is the PEM of the certificate that the server has sent to the client."""
    connection = await tls.connect()
    assert connection.certificate in der_of(await given(tls, "server_cert", connection))[:1]


@pytest.mark.parametrize((), KINDS)
@requires("tls.server-cert.alone")
async def test_server_cert_stands_alone(tls: Tls) -> None:
    """`server_cert` holds one certificate, without the rest of the chain, and without a key."""
    text = str(await given(tls, "server_cert"))
    assert len(der_of(text)) == 1
    assert "PRIVATE KEY" not in text


# --- version and cipher suite -----------------------------------------------------------------------------------------

SUITES = [
    case("aes-128", "1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    case("aes-256", "1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    case("chacha20", "1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    case("aes-128-cbc", "1.2", "ECDHE-ECDSA-AES128-SHA256"),
    case("of-tls-1-3", "1.3", None),
]


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.tls-version.number", "tls.tls-version.in-use")
async def test_version_is_the_one_in_use(tls: Tls, version: str) -> None:
    """`tls_version`, where it is not None, is the number of the version that client and server have agreed on."""
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    assert await given(tls, "tls_version", connection) == connection.version


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.tls-version.in-use")
async def test_version_of_a_resumed_session(tls: Tls, version: str) -> None:
    """`tls_version` is right over a session that was resumed."""
    connection = await resumed(tls, version)
    assert await given(tls, "tls_version", connection) == connection.version


@requires("tls.tls-version.in-use")
async def test_version_of_each_connection(tls: Tls) -> None:
    """`tls_version` is that of each connection, side by side with others."""
    connections = [await tls.agreed(Hello(version), f"TLS {version}") for version in ("1.2", "1.3", "1.2")]
    for connection in connections:
        assert await given(tls, "tls_version", connection) == connection.version


@pytest.mark.parametrize(("version", "ciphers"), SUITES)
@requires("tls.cipher-suite.encoding", "tls.cipher-suite.in-use")
async def test_suite_is_the_one_in_use(tls: Tls, version: str, ciphers: str | None) -> None:
    """`cipher_suite`, where it is not None, is the number of the suite that client and server have agreed on."""
    connection = await tls.agreed(Hello(version, ciphers), ciphers or "a suite")
    assert await given(tls, "cipher_suite", connection) == connection.cipher_suite


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.cipher-suite.in-use")
async def test_suite_of_a_resumed_session(tls: Tls, version: str) -> None:
    """`cipher_suite` is right over a session that was resumed."""
    connection = await resumed(tls, version)
    assert await given(tls, "cipher_suite", connection) == connection.cipher_suite


@pytest.mark.parametrize("version", VERSIONS)
@requires("tls.cipher-suite.fits-version")
async def test_suite_fits_the_version(tls: Tls, version: str) -> None:
    """`cipher_suite` is one that is defined for the version of `tls_version`."""
    connection = await tls.agreed(Hello(version), f"TLS {version}")
    entries = await tls.told(connection)
    number, suite = entries["tls_version"], entries["cipher_suite"]
    if number is None or suite is None:
        inapplicable("the server cannot tell both of them")
    assert (suite in SUITES_OF_1_3) == (number == 0x0304)
