"""A server with a certificate of its own authority: trusted when its file is named, refused when not."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portico import ConfigurationError, Portico, TlsFailed


def make_certificate(
    name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate for 127.0.0.1 signed by `issuer`, or an authority when there is none."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class SafeServer:
    url: str
    ca_file: Path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "16")
        self.end_headers()
        self.wfile.write(b'{"running":true}')

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def safe_server(tmp_path: Path) -> Iterator[SafeServer]:
    authority = make_certificate("Test authority", None)
    other = make_certificate("Other authority", None)
    certificate, key = make_certificate("127.0.0.1", authority)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "server.pem").write_bytes(pem(certificate) + secret)
    (tmp_path / "ca.pem").write_bytes(pem(other[0]) + b"\nsome words\n" + pem(authority[0]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *arguments: None  # type: ignore[method-assign]  # refused handshakes are expected
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield SafeServer(f"https://127.0.0.1:{server.server_port}", tmp_path / "ca.pem")
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_own_authority_is_trusted_when_its_file_is_named(
    safe_server: SafeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Portico("k", safe_server.url, ca_file=safe_server.ca_file, max_retries=0) as client:
        assert client.status().running
    monkeypatch.setenv("GEAI_SSL_CERT_PATH", str(safe_server.ca_file))
    with Portico("k", safe_server.url, max_retries=0) as client:
        assert client.status().running


def test_an_unknown_authority_is_refused(safe_server: SafeServer) -> None:
    with Portico("k", safe_server.url, max_retries=0) as client, pytest.raises(TlsFailed) as raised:
        client.status()
    assert "ca_file" in str(raised.value)


def test_a_certificate_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for file in ("empty.pem", "absent.pem"):
        with Portico("k", "https://h.example", ca_file=tmp_path / file) as client, pytest.raises(ConfigurationError):
            client.status()
