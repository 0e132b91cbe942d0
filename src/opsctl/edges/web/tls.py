"""TLS over any stream, and what a certificate says."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID
from urllib3.util.ssltransport import SSLTransport

from opsctl.edges.ports import Stream


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate as the other side showed it. Times are seconds since the epoch.

    `distrust` is why this machine's trust store does not take it for that name; "" where it does.
    """

    not_before: float
    not_after: float
    names: tuple[str, ...]
    issuer: str
    distrust: str


def over_tls(stream: Stream, name: str) -> Stream:
    """The same stream inside TLS, whatever certificate is shown. Raises OSError (also ssl.SSLError)."""
    return cast("Stream", _transport(stream, _trusting_all(), name))


def show(open_stream: Callable[[], Stream], name: str) -> Shown:
    """What is shown for this name; connects a second time where the first one is not trusted. Raises OSError."""
    try:
        return _read(open_stream(), _careful(), name, "")
    except ssl.SSLCertVerificationError as error:
        return _read(open_stream(), _trusting_all(), name, error.verify_message or str(error))


def _read(stream: Stream, context: ssl.SSLContext, name: str, distrust: str) -> Shown:
    try:
        encoded = _transport(stream, context, name).getpeercert(binary_form=True)
    finally:
        stream.close()
    if not encoded:
        raise ssl.SSLError("no certificate was shown")
    certificate = x509.load_der_x509_certificate(encoded)
    return Shown(
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        _names(certificate),
        _issuer(certificate),
        distrust,
    )


def _transport(stream: Stream, context: ssl.SSLContext, name: str) -> SSLTransport:
    # It asks no more of a socket than a Stream has (urllib3 2.8, util/ssltransport.py).
    return SSLTransport(cast("Any", stream), context, server_hostname=name)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return ()
    names = cast("x509.SubjectAlternativeName", found)
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *(str(one) for one in addresses))


def _issuer(certificate: x509.Certificate) -> str:
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := certificate.issuer.get_attributes_for_oid(kind):
            return str(found[0].value)
    return certificate.issuer.rfc4514_string()


@cache
def _careful() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _trusting_all() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
