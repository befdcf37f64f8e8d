"""Checks each signature with the AdCP SDK's own verifier against the sender's published keys."""

import json
import threading
import time
from typing import Any

from webhooks import addresses, transport
from webhooks.conf import Limits
from webhooks.errors import WebhooksError
from webhooks.receiver.records import Record, Verification

# An unknown key makes us ask again, but not for every message of a stranger.
REFETCH_SECONDS = 5.0


class PublishedKeys:
    """The sender's JWK Set, fetched when a key is first needed and when one is unknown."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, dict[str, Any]] = {}
        self._fetched_at = -REFETCH_SECONDS
        self._lock = threading.Lock()

    def __call__(self, keyid: str) -> dict[str, Any] | None:
        with self._lock:
            stale = time.monotonic() - self._fetched_at >= REFETCH_SECONDS
            if keyid not in self._keys and stale:
                self._keys = self._fetch()
                self._fetched_at = time.monotonic()
            return self._keys.get(keyid)

    def _fetch(self) -> dict[str, dict[str, Any]]:
        response = transport.request(
            method="GET",
            url=self._url,
            headers={"Accept": "application/json"},
            body=None,
            policy=addresses.operator(self._url),
            limits=Limits(response_bytes=1_000_000),
        )
        if response.status != 200:
            raise ValueError(f"the keys' URL answered {response.status}")
        return {key["kid"]: key for key in json.loads(response.body)["keys"]}


class Verifier:
    """Says of each message who sent it, or why that is not known."""

    def __init__(self, jwks_url: str, hmac_secret: str) -> None:
        self._jwks_url = jwks_url
        self._hmac_secret = hmac_secret
        self._options: Any = None
        self._lock = threading.Lock()

    def check(self, record: Record) -> Verification:
        """Return the verdict on one message; the first call takes seconds (the SDK's import)."""
        names = {name.lower() for name in record.headers}
        if "signature" in names or "signature-input" in names:
            return self._signature(record)
        if "x-adcp-signature" in names:
            return self._hmac(record)
        if "authorization" in names:
            return Verification("legacy", "Bearer token, nothing to verify")
        return Verification("unsigned", "no signature header")

    def _signature(self, record: Record) -> Verification:
        if not self._jwks_url:
            return Verification("refused", "no --jwks-url was given to check it against")
        from adcp.signing.errors import SignatureVerificationError
        from adcp.signing.webhook_verifier import verify_webhook_signature

        headers = {name.lower(): value for name, value in record.headers.items()}
        url = f"http://{headers.get('host', '')}{record.path}"
        try:
            sender = verify_webhook_signature(
                method="POST", url=url, headers=headers, body=record.body, options=self._prepared()
            )
        except SignatureVerificationError as error:
            return Verification("refused", f"{error.code}: {error}")
        except (WebhooksError, ValueError, KeyError) as error:
            return Verification("refused", f"the sender's keys could not be fetched: {error}")
        return Verification("verified", f"{sender.alg}, key {sender.key_id}")

    def _hmac(self, record: Record) -> Verification:
        if not self._hmac_secret:
            return Verification("legacy", "HMAC-SHA256, no --hmac-secret was given to check it")
        from adcp.signing.webhook_hmac import (
            LegacyWebhookHmacError,
            LegacyWebhookHmacOptions,
            verify_webhook_hmac,
        )

        options = LegacyWebhookHmacOptions(
            secret=self._hmac_secret.encode(), sender_identity="sender", now=time.time()
        )
        try:
            verify_webhook_hmac(headers=record.headers, body=record.body, options=options)
        except LegacyWebhookHmacError as error:
            return Verification("refused", error.reason)
        return Verification("verified", "HMAC-SHA256 (legacy)")

    def _prepared(self) -> Any:
        from adcp.signing.webhook_verifier import WebhookVerifyOptions

        with self._lock:
            if self._options is None:
                self._options = WebhookVerifyOptions(jwks_resolver=PublishedKeys(self._jwks_url))
            return self._options
