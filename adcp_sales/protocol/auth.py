"""Bearer tokens of buyer agents: `adcp_<environment>_<public 8>_<secret 43>`."""

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.models import ApiToken
from mediabuys.models.accounts import Principal

TOKEN = re.compile(r"(?P<prefix>adcp_[a-z]{1,10}_[0-9a-f]{8})_(?P<secret>[A-Za-z0-9_-]{43})")
SECRET_BYTES = 32
USED_AT_GRANULARITY = timedelta(minutes=1)
CACHE_LIMIT = 10_000

# Compared against when the prefix is unknown, so that guessing a prefix measures nothing.
ABSENT_DIGEST = hashlib.sha256(b"no such token").digest()


@dataclass(frozen=True, slots=True)
class _CachedCaller:
    principal: Principal
    expires_at: datetime | None
    stale_after: float


_cache: dict[bytes, _CachedCaller] = {}


def token_issue(
    *,
    principal: Principal,
    name: str,
    expires_at: datetime | None = None,
    created_by: str = "",
    secret: str | None = None,
    public_part: str | None = None,
) -> tuple[ApiToken, str]:
    """Create a token and return it with its plain text, which is never shown again.

    `secret` (43 URL-safe characters) and `public_part` (8 hex digits) are for seeds alone.
    """
    environment = "live" if settings.PRODUCTION else "test"
    prefix = f"adcp_{environment}_{public_part or secrets.token_hex(4)}"
    secret = secret or secrets.token_urlsafe(SECRET_BYTES)
    token = ApiToken.objects.create(
        principal=principal,
        name=name,
        prefix=prefix,
        secret_digest=_digest(secret),
        expires_at=expires_at,
        created_by=created_by,
    )
    return token, f"{prefix}_{secret}"


def token_revoke(*, token: ApiToken) -> None:
    """Refuse the token from now on; web processes notice within TOKEN_CACHE_SECONDS."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    _cache.clear()


def authenticate(token: str) -> Principal:
    """Return the agent whose token this is, at the cost of at most one query.

    Raises AdcpError AUTH_INVALID, the same for every reason.
    """
    now = timezone.now()
    fingerprint = hashlib.sha256(token.encode("utf-8", "replace")).digest()
    cached = _cache.get(fingerprint)
    if cached and cached.stale_after > time.monotonic() and _unexpired(cached.expires_at, now):
        return cached.principal
    found = _verified(token, now)
    _remember(fingerprint, found)
    _mark_used(found, now)
    return found.principal


def _verified(token: str, now: datetime) -> ApiToken:
    parts = TOKEN.fullmatch(token)
    prefix, secret = (parts["prefix"], parts["secret"]) if parts else ("", "")
    found = ApiToken.objects.select_related("principal").filter(prefix=prefix).first()
    expected = bytes(found.secret_digest) if found else ABSENT_DIGEST
    matches = hmac.compare_digest(_digest(secret), expected)
    if not (found and matches and found.revoked_at is None and _unexpired(found.expires_at, now)):
        raise invalid_token()
    return found


def _remember(fingerprint: bytes, token: ApiToken) -> None:
    if settings.TOKEN_CACHE_SECONDS <= 0:
        return
    if len(_cache) >= CACHE_LIMIT:
        _cache.clear()
    _cache[fingerprint] = _CachedCaller(
        principal=token.principal,
        expires_at=token.expires_at,
        stale_after=time.monotonic() + settings.TOKEN_CACHE_SECONDS,
    )


def _mark_used(token: ApiToken, now: datetime) -> None:
    due = now - USED_AT_GRANULARITY
    if token.last_used_at is not None and token.last_used_at > due:
        return
    ApiToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=due), pk=token.pk).update(
        last_used_at=now
    )


def _unexpired(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is None or expires_at > now


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def invalid_token() -> AdcpError:
    """Return the refusal of a bad token: unknown, expired and revoked look the same."""
    return AdcpError(
        "AUTH_INVALID",
        "The bearer token was not accepted.",
        suggestion="Ask the publisher for a new token; retrying with this one does not help.",
        headers={"WWW-Authenticate": 'Bearer realm="adcp", error="invalid_token"'},
    )


def missing_token() -> AdcpError:
    """Return the refusal of a call without credentials."""
    return AdcpError(
        "AUTH_MISSING",
        "This task needs a bearer token.",
        suggestion="Send the header Authorization: Bearer <token> and retry.",
        headers={"WWW-Authenticate": 'Bearer realm="adcp"'},
    )
