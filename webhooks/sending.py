"""One attempt, from claimed row to answer: never raises, never touches the database."""

import json
import logging
import smtplib
from collections.abc import Mapping
from typing import Any

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from webhooks import addresses, conf, signing, transport
from webhooks.encryption import decrypt
from webhooks.errors import EgressRefused, TransportFailed, TransportTimedOut
from webhooks.retry import Answer
from webhooks.services.claims import Claim
from webhooks.states import DestinationKind, Scheme

logger = logging.getLogger(__name__)

KEPT_HEADERS = ("content-type", "retry-after", "www-authenticate", "server", "date")


def send(claim: Claim) -> Answer:
    """Send one message and return what came back.

    Failure policy: an error of our own (an unreadable secret, a bug) is an answer too. It is
    retried on schedule like an unreachable receiver, and one bad row never stops a batch.
    """
    try:
        if claim.kind == DestinationKind.EMAIL:
            return _mailed(claim)
        return _posted(claim)
    except EgressRefused as error:
        return Answer(error=f"refused by our egress rules: {error}", refused_by_us=True)
    except TransportTimedOut as error:
        return Answer(error=error.classification, timed_out=True)
    except TransportFailed as error:
        return Answer(error=error.classification)
    except InvalidToken:
        logger.exception("the credentials for %s cannot be read", claim.public_id)
        return Answer(error="our credentials cannot be read", refused_by_us=True)
    except Exception:
        logger.exception("sending %s failed on our side", claim.public_id)
        return Answer(error="internal error", refused_by_us=True)


def _posted(claim: Claim) -> Answer:
    target = addresses.parse(claim.url)
    headers = {"Content-Type": claim.content_type}
    if claim.kind == DestinationKind.SIGNED_HTTP or claim.scheme != Scheme.NONE:
        headers |= signing.proof_headers(
            url=target.url,
            body=claim.body,
            content_type=claim.content_type,
            scheme=claim.scheme,
            credentials=decrypt(claim.encrypted_credentials),
        )
    response = transport.request(
        method="POST",
        url=target.url,
        headers=headers,
        body=claim.body,
        policy=addresses.counterparty(allow_private=conf.private_destinations_allowed()),
        limits=conf.delivery_limits(),
    )
    return Answer(
        status=response.status,
        headers=_kept(response.headers),
        excerpt=_excerpt(response.body),
    )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: _storable(headers[name])[:500] for name in KEPT_HEADERS if name in headers}


def _excerpt(body: bytes) -> str:
    return _storable(body[: conf.RESPONSE_EXCERPT_BYTES].decode("utf-8", "replace"))


def _storable(text: str) -> str:
    # PostgreSQL refuses NUL in text, and a receiver must not decide whether we can settle.
    return text.replace("\x00", "")


def _mailed(claim: Claim) -> Answer:
    """Send an e-mail; its id is the idempotency key's, so that a repeated one can be told."""
    content: dict[str, Any] = json.loads(claim.body)
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    message = EmailMultiAlternatives(
        subject=" ".join(str(content["subject"]).splitlines()),
        body=content["text"],
        to=claim.url.removeprefix("mailto:").split(","),
        headers={"Message-ID": f"<{claim.idempotency_key}@{domain}>"},
    )
    if content.get("html"):
        message.attach_alternative(content["html"], "text/html")
    try:
        message.send()
    except TimeoutError:
        return Answer(error="the mail server timed out", timed_out=True)
    except (smtplib.SMTPException, OSError):
        logger.warning("the mail server refused %s", claim.public_id, exc_info=True)
        return Answer(error="the mail server refused the message")
    return Answer(status=250)
