"""Ed25519 signatures of models (RFC 8032), by the library `cryptography`.

A digest in `metadata.json` shows damage, not malice: who can write the archive can write the digest. A signature
cannot be made without the private key, which training has; the service needs the public key only.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from churn.errors import SignatureInvalid, SigningImpossible

_PURPOSE = b"churn-api model 1\n"
"""Prefix of what is signed: a signature that this key made for another purpose is none of a model."""
_SIGNED = ("model_tag", "sha256", "files")
_FINGERPRINT = 16
_CURE = "promote a model that was trained with this key, or train one"


@dataclass(frozen=True)
class ModelKey:
    """The key of one file: a private one signs and checks, a public one checks."""

    private: Ed25519PrivateKey | None
    public: Ed25519PublicKey

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the public key: which key it is, not a secret."""
        return hashlib.sha256(self.public.public_bytes_raw()).hexdigest()[:_FINGERPRINT]

    def require_private(self) -> Ed25519PrivateKey:
        """The private key, which signs.

        Raises:
            SigningImpossible: it is a public one.
        """
        if self.private is None:
            raise SigningImpossible(
                "MODEL_SIGNING_KEY_FILE holds a public key, which checks models and cannot sign them; "
                "train with the private key"
            )
        return self.private

    def sign(self, entry: Mapping[str, Any]) -> dict[str, str]:
        """The signature of a model for its entry in the metadata.

        Args:
            entry: with the tag, the archive's digest, and the digest of each file of the model.

        Raises:
            SigningImpossible: this is a public key.
        """
        value = base64.b64encode(self.require_private().sign(_statement(entry))).decode("ascii")
        return {"key": self.fingerprint, "value": value}

    def check(self, entry: Mapping[str, Any]) -> None:
        """Refuse a model that this key has not signed as it is recorded.

        Raises:
            SignatureInvalid: it has no signature, that of another key, or one of something else.
        """
        tag, signature = entry["model_tag"], entry.get("signature")
        if not isinstance(signature, dict):
            raise SignatureInvalid(f"{tag} is not signed, and MODEL_SIGNING_KEY_FILE asks for it; {_CURE}")
        try:
            self.public.verify(base64.b64decode(str(signature["value"]), validate=True), _statement(entry))
        except (InvalidSignature, KeyError, ValueError):
            whose = signature.get("key")
            if whose != self.fingerprint:
                raise SignatureInvalid(
                    f"{tag} is signed by the key {str(whose)[:_FINGERPRINT]}, not by {self.fingerprint} of "
                    f"MODEL_SIGNING_KEY_FILE; {_CURE}"
                ) from None
            raise SignatureInvalid(
                f"the signature of {tag} does not fit its record in the metadata: somebody has changed one of them; "
                f"{_CURE}"
            ) from None


def read_model_key(path: Path) -> ModelKey:
    """Read a private or public Ed25519 key in PEM form.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds something else.
    """
    content = path.read_bytes()
    try:
        key = load_pem_public_key(content) if b"PUBLIC KEY-----" in content else load_pem_private_key(content, None)
    except (TypeError, UnsupportedAlgorithm) as error:  # TypeError: it is encrypted
        raise ValueError(str(error)) from None
    if isinstance(key, Ed25519PrivateKey):
        return ModelKey(key, key.public_key())
    if isinstance(key, Ed25519PublicKey):
        return ModelKey(None, key)
    raise ValueError("a key of another kind")


def _statement(entry: Mapping[str, Any]) -> bytes:
    return _PURPOSE + json.dumps({name: entry[name] for name in _SIGNED}, sort_keys=True).encode()
