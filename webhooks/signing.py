"""How a webhook proves who sent it: RFC 9421 with our published key, or a legacy scheme."""

import base64
import hashlib
import hmac
import json
import time
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from webhooks.states import Scheme

ALGORITHM = "ed25519"


def public_jwks() -> dict[str, list[dict[str, object]]]:
    """Return the JWK Set that receivers check our signatures with.

    Needs `cryptography` alone: it is served by web processes, which must stay small.
    """
    published: dict[str, object] = {
        **_public_members(settings.WEBHOOK_SIGNING_KEY),
        "kid": key_id(),
        "alg": "EdDSA",
        "use": "sig",
        "key_ops": ["verify"],
        "adcp_use": "request-signing",
    }
    return {"keys": [published]}


def key_id() -> str:
    """Return the key's RFC 7638 thumbprint: the same for as long as the key is the same."""
    members = _public_members(settings.WEBHOOK_SIGNING_KEY)
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def proof_headers(
    *, url: str, body: bytes, content_type: str, scheme: str, credentials: str
) -> dict[str, str]:
    """Return the headers that prove this attempt: made anew each time, never two schemes at once.

    `url` must be the exact URL that is requested, `body` the exact bytes.
    """
    if scheme == Scheme.BEARER:
        return {"Authorization": f"Bearer {credentials}"}
    if scheme == Scheme.HMAC_SHA256:
        return hmac_headers(secret=credentials, body=body, timestamp=int(time.time()))
    return _rfc9421_headers(url=url, body=body, content_type=content_type)


def hmac_headers(*, secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """Return the legacy HMAC-SHA256 headers over `timestamp.body`; `timestamp` is Unix seconds."""
    message = str(timestamp).encode() + b"." + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return {"X-ADCP-Timestamp": str(timestamp), "X-ADCP-Signature": f"sha256={digest}"}


def warm_up() -> None:
    """Import the signer now (seconds, 160 MB), so that the first delivery does not wait for it."""
    import adcp.signing.webhook_signer  # noqa: F401


def _rfc9421_headers(*, url: str, body: bytes, content_type: str) -> dict[str, str]:
    # Importing the package costs seconds and 160 MB: only a process that signs may carry it.
    from adcp.signing.webhook_signer import sign_webhook

    headers: dict[str, str] = sign_webhook(
        method="POST",
        url=url,
        headers={"Content-Type": content_type},
        body=body,
        private_key=_private_key(settings.WEBHOOK_SIGNING_KEY),
        key_id=key_id(),
        alg=ALGORITHM,
    ).as_dict()
    return headers


@cache
def _private_key(pem: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured("WEBHOOK_SIGNING_KEY is not an unencrypted PEM key.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured("WEBHOOK_SIGNING_KEY is not an Ed25519 key.")
    return key


@cache
def _public_members(pem: str) -> dict[str, str]:
    raw = _private_key(pem).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
