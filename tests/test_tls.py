"""What the checks of TLS lean on: names and certificates as text, certificates of every kind, ClientHellos."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from asgi_conformance.fixtures.certificates import AFTER, BEFORE, KEYS, SERVERS, Certificates
from asgi_conformance.fixtures.instance import Options
from asgi_conformance.fixtures.names import CN, SUBJECTS, O, name
from asgi_conformance.fixtures.tls import Hello, client_hello, der_of, name_of
from asgi_conformance.fixtures.verdicts import Broken
from asgi_conformance.servers.daphne import daphne
from asgi_conformance.servers.reference import alpn


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of one run."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_name_is_read_as_it_was_written(subject: x509.Name) -> None:
    assert name_of(subject.rfc4514_string()) == subject


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CN=one\\,two", name((CN, "one,two"))),
        ("CN=one\\2ctwo", name((CN, "one,two"))),
        ("2.5.4.3=client", name((CN, "client"))),
        ("2.5.4.3=#0c06636c69656e74", name((CN, "client"))),
        ("commonName=client,O=Example", name((O, "Example"), (CN, "client"))),
        ("CN=Zo\\C3\\AB", name((CN, "Zo\u00eb"))),
        ("emailAddress=a@example.test", name((NameOID.EMAIL_ADDRESS, "a@example.test"))),
        ("CN=client+O=Example", name(((CN, "client"), (O, "Example")))),
    ],
    ids=["pair", "pair-of-digits", "number", "encoded", "long-name", "octets-of-utf-8", "no-name", "beside-each-other"],
)
def test_each_way_to_write_a_name_is_right(text: str, expected: x509.Name) -> None:
    assert name_of(text) == expected


@pytest.mark.parametrize("text", ["/CN=client", "CN=one, two", "CN=a,b", "CN=<client>", "CN= client", "unknown=client"])
def test_what_is_no_name_is_said(text: str) -> None:
    with pytest.raises(Broken, match="RFC 4514"):
        name_of(text)


# --- certificates -----------------------------------------------------------------------------------------------------


def test_certificates_are_found_in_a_text(certificates: Certificates) -> None:
    """Whatever stands around them."""
    identity = certificates.identity(length=3)
    assert der_of("Bag Attributes\n" + identity.file.read_text()) == identity.der
    with pytest.raises(Broken, match="no PEM"):
        der_of("no certificate")
    with pytest.raises(Broken, match="no Unicode string"):
        der_of(identity.der[0])


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("key", KEYS)
def test_a_client_s_chain_leads_to_the_root(certificates: Certificates, key: str, length: int) -> None:
    identity = certificates.identity(key=key, length=length, with_root=True)
    assert len(identity.chain) == length + 1
    for signed, signer in zip(identity.chain, identity.chain[1:], strict=False):
        signed.verify_directly_issued_by(signer)
    ssl.create_default_context().load_cert_chain(identity.file)


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_s_identity_can_be_used(certificates: Certificates, kind: str) -> None:
    identity = certificates.server(kind)
    assert identity is certificates.server(kind)
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(identity.file)
    assert len(identity.chain) == (2 if kind == "chain" else 1)


def test_a_bad_certificate_is_bad(certificates: Certificates) -> None:
    """By its time, by who has signed it: the stranger has the authority's name, and another key."""
    good, past, future = (certificates.identity(valid=valid).chain[0] for valid in ((-1, 1), BEFORE, AFTER))
    assert past.not_valid_after_utc < good.not_valid_after_utc < future.not_valid_after_utc
    assert good.not_valid_before_utc < future.not_valid_before_utc
    of_stranger = certificates.identity(stranger=True).chain[0]
    assert of_stranger.issuer == good.issuer
    with pytest.raises(InvalidSignature):
        of_stranger.verify_directly_issued_by(certificates.root.certificate)


# --- handshakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.2", "1.3", None])
@pytest.mark.parametrize("protocols", [(), ("http/1.1",), ("h2", "http/1.1")])
def test_the_protocols_of_a_hello(protocols: tuple[str, ...], version: str | None) -> None:
    """Read once it is all there, however it is cut into records."""
    hello = client_hello(Hello(version, protocols=protocols))
    expected = [protocol.encode() for protocol in protocols]
    assert alpn.offered(hello) == expected
    assert all(alpn.offered(hello[:length]) is None for length in range(len(hello)))
    message = hello[5:]
    records = [message[start : start + 50] for start in range(0, len(message), 50)]
    cut = b"".join(hello[:3] + len(piece).to_bytes(2, "big") + piece for piece in records)
    assert alpn.offered(cut) == expected


@pytest.mark.parametrize("received", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", bytes(64)])
def test_what_is_no_hello_offers_nothing(received: bytes) -> None:
    assert alpn.offered(received) == []


def test_an_endpoint_of_tls_takes_the_place_of_the_address() -> None:
    """Where the address and the certificate are one option."""
    listening, others = Options(tls=True).templates(daphne, "")
    assert listening == [daphne.secure_tcp]
    assert Options().templates(daphne, "")[0] == [daphne.tcp]
    assert "" in others


def test_each_kind_of_certificate_is_an_instance_of_its_own() -> None:
    assert Options(tls=True) != Options(tls=True, server_certificate="rsa")
    assert Options(tls=True, server_certificate="rsa").templates(daphne, "") == Options(tls=True).templates(daphne, "")
    assert "certfile" in Options(tls=True).values(Path("/folder"))
