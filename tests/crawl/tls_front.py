"""The sandbox over TLS, as the live sites are: with a certificate of our own, and a note of who connected."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class TlsFront:
    """port: where it listens; peers: the addresses that completed a handshake."""

    port: int
    peers: set[str] = field(default_factory=set)


@contextmanager
def running_tls_front(port: int, folder: Path) -> Iterator[TlsFront]:
    """TLS on a free port of 127.0.0.1 before the plain server on `port`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(folder / "front.pem"))
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        front = TlsFront(listening.getsockname()[1])
        threading.Thread(target=_accept, args=(front, listening, context, port), daemon=True).start()
        yield front
        listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts


def make_certificate(path: Path) -> Path:
    """Key and self-signed certificate for 127.0.0.1."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def _accept(front: TlsFront, listening: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):
        while True:
            plain, peer = listening.accept()
            threading.Thread(target=_serve, args=(front, plain, peer[0], context, port), daemon=True).start()


def _serve(front: TlsFront, plain: socket.socket, peer: str, context: ssl.SSLContext, port: int) -> None:
    """One request and its answer a connection: TLS has no half-closing to tell the end by."""
    with (
        suppress(OSError),
        closing(plain),
        closing(context.wrap_socket(plain, server_side=True)) as client,
        closing(socket.create_connection(("127.0.0.1", port))) as server,
    ):
        front.peers.add(peer)
        server.sendall(client.recv(65536).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        while block := server.recv(65536):
            client.sendall(block)
