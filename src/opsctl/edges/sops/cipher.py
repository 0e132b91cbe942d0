"""Single values as SOPS encrypts them: AES-256-GCM with a nonce of 32 bytes (aes/cipher.go)."""

from __future__ import annotations

import base64
import binascii
import os
import re

_FORM = re.compile(
    r"ENC\[AES256_GCM,data:([A-Za-z0-9+/]+=*),iv:([A-Za-z0-9+/]+=*),tag:([A-Za-z0-9+/]+=*),type:([a-z]+)\]"
)
_NONCE = 32
_TAG = 16
_KEY = 32


def is_sealed(text: str) -> bool:
    """Whether a text has the form of an encrypted value."""
    return _FORM.fullmatch(text) is not None


class DataKey:
    """A document's one key, of 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError for a key of another length."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(raw) != _KEY:
            raise ValueError(f"a data key has {_KEY} bytes")
        self.raw = raw
        self._cipher = AESGCM(raw)

    def __repr__(self) -> str:
        return "DataKey()"

    @classmethod
    def fresh(cls) -> DataKey:
        return cls(os.urandom(_KEY))

    def seal(self, kind: str, data: bytes, about: str) -> str:
        """`about` is authenticated beside the value: where it stands. `kind` is sops' name of its type, and is not."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, data, about.encode())
        parts = (sealed[:-_TAG], nonce, sealed[-_TAG:])
        text, iv, tag = (base64.b64encode(part).decode() for part in parts)
        return f"ENC[AES256_GCM,data:{text},iv:{iv},tag:{tag},type:{kind}]"

    def open(self, sealed: str, about: str) -> tuple[str, bytes]:
        """Kind and bytes. Raises ValueError, which quotes nothing, where it was changed or stood elsewhere before."""
        from cryptography.exceptions import InvalidTag

        form = _FORM.fullmatch(sealed)
        if form is None:
            raise ValueError("it has not the form of an encrypted value")
        try:
            text, nonce, tag = (base64.b64decode(part, validate=True) for part in form.groups()[:3])
            return form[4], self._cipher.decrypt(nonce, text + tag, about.encode())
        except (binascii.Error, ValueError, InvalidTag):
            raise ValueError("it was changed, or stood somewhere else when it was encrypted") from None
