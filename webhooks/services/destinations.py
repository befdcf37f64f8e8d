"""Where messages go."""

import hashlib
from email.utils import getaddresses
from urllib.parse import unquote

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.crypto import salted_hmac

from webhooks import addresses, conf
from webhooks.encryption import encrypt
from webhooks.errors import DestinationRefused
from webhooks.models import Destination, new_destination_id
from webhooks.states import DestinationKind, Scheme

# One statement in the common case, and no lock on a row that already exists: two orders of one
# buyer must not queue up behind each other for the rest of their transactions.
_UPSERT = """
WITH wanted AS (
    SELECT %(owner_key)s::text AS owner_key, %(kind)s::text AS kind,
           %(url_digest)s::text AS url_digest, %(scheme)s::text AS scheme,
           %(credentials_digest)s::text AS credentials_digest
), added AS (
    INSERT INTO webhooks_destination (
        public_id, owner_key, kind, url, url_digest, scheme, credentials, credentials_digest,
        paused_because, consecutive_failures
    )
    SELECT %(public_id)s, owner_key, kind, %(url)s, url_digest, scheme, %(credentials)s,
           credentials_digest, '', 0
    FROM wanted
    WHERE NOT EXISTS (
        SELECT FROM webhooks_destination
        JOIN wanted USING (owner_key, kind, url_digest, scheme, credentials_digest)
    )
    ON CONFLICT (owner_key, kind, url_digest, scheme, credentials_digest) DO NOTHING
    RETURNING *
)
SELECT * FROM added
UNION ALL
SELECT found.* FROM webhooks_destination found
JOIN wanted USING (owner_key, kind, url_digest, scheme, credentials_digest)
"""


def destination_upsert(
    *, owner_key: str, kind: str, url: str, scheme: str = "none", credentials: str = ""
) -> Destination:
    """Return the owner's destination of that kind, URL and secret, adding it if it is new.

    One statement, no network: a host that does not resolve is accepted. Joins the caller's
    transaction. Raises DestinationRefused with a text that may be shown to the counterparty.
    """
    plain_url = _email_url(url) if kind == DestinationKind.EMAIL else _http_url(url)
    if (scheme == Scheme.NONE) != (credentials == ""):
        raise DestinationRefused("A legacy authentication scheme needs credentials, and only it.")
    if not credentials.isascii() or not credentials.isprintable():
        raise DestinationRefused("Credentials must be printable ASCII characters.")
    parameters = {
        "public_id": new_destination_id(),
        "owner_key": owner_key,
        "kind": DestinationKind(kind).value,
        "url": plain_url,
        "url_digest": hashlib.sha256(plain_url.encode()).hexdigest(),
        "scheme": Scheme(scheme).value,
        "credentials": encrypt(credentials),
        "credentials_digest": _keyed_digest(credentials),
    }
    # A rival that adds the same row between our snapshot and our insert is seen the second time.
    for _ in range(2):
        for destination in Destination.objects.raw(_UPSERT, parameters):
            return destination
    raise RuntimeError("The destination was neither found nor added.")


def destination_pause(*, destination_id: int, because: str) -> None:
    """Send nothing more to the destination until a person resumes it; messages keep waiting."""
    Destination.objects.filter(pk=destination_id, paused_at=None).update(
        paused_at=timezone.now(), paused_because=because
    )


def _http_url(url: str) -> str:
    return addresses.check_registrable(url, allow_private=conf.private_destinations_allowed()).url


def _email_url(url: str) -> str:
    scheme, _, listed = unquote(url).partition(":")
    receivers = [address for _, address in getaddresses([listed])]
    if scheme.lower() != "mailto" or not receivers or not listed.isprintable():
        raise DestinationRefused("An e-mail destination is written mailto:name@example.com.")
    try:
        for receiver in receivers:
            validate_email(receiver)
    except ValidationError as error:
        raise DestinationRefused("The e-mail address is not valid.") from error
    return "mailto:" + ",".join(receivers)


def _keyed_digest(credentials: str) -> str:
    if not credentials:
        return ""
    return salted_hmac("webhooks.destination", credentials, algorithm="sha256").hexdigest()
