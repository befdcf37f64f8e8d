"""Where buyers want to be told of things, registered for their agent."""

from mediabuys.errors import InvalidRequest
from mediabuys.models import Principal
from webhooks.errors import DestinationRefused
from webhooks.models import Destination
from webhooks.services import destination_upsert

SCHEMES = {"": "none", "Bearer": "bearer", "HMAC-SHA256": "hmac_sha256"}


def destination_register(
    *, principal: Principal, url: str, scheme: str, credentials: str, field: str
) -> Destination:
    """Return the agent's destination of this URL and secret, adding it if it is new.

    `scheme` is AdCP's word, empty for the signature of our own key; `field` is the webhook's place
    in the request. One statement in the caller's transaction, no network. Raises `InvalidRequest`
    at the URL, or at the credentials where no header can carry them.
    """
    if not credentials.isascii() or not credentials.isprintable():
        raise InvalidRequest(
            "Credentials must be printable ASCII characters.",
            field=f"{field}.authentication.credentials",
            suggestion="Send credentials that fit into an HTTP header.",
        )
    try:
        return destination_upsert(
            owner_key=principal.principal_id,
            kind="signed_http",
            url=url,
            scheme=SCHEMES[scheme],
            credentials=credentials,
        )
    except DestinationRefused as refused:
        raise InvalidRequest(
            str(refused), field=f"{field}.url", suggestion="Register a public https URL."
        ) from refused
