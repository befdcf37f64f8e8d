"""Choosing the ad server of an order."""

from collections.abc import Callable

from django.conf import settings

from mediabuys.adservers.inline import InlineAdServer, inline_ad_server
from mediabuys.adservers.port import CALL_SECONDS, AdServer
from mediabuys.adservers.simulated_client import simulated_ad_server
from mediabuys.models import Account, Publisher

# How long an answer is waited for; the rest of a call's time is for sending and reading it.
PATIENCE_SECONDS = 0.75 * CALL_SECONDS

# Each makes an adapter from the publisher's name for it and the seconds that one call may take.
ADAPTERS: dict[str, Callable[[str, float], AdServer]] = {
    "inline": inline_ad_server,
    "simulated": simulated_ad_server,
}


def ad_server_for(account: Account) -> AdServer:
    """Return the adapter that books this account's orders; sandbox orders never leave us."""
    if account.sandbox:
        return InlineAdServer(account.publisher.ad_server_name)
    return publishers_ad_server(account.publisher)


def publishers_ad_server(publisher: Publisher, *, patience: float = PATIENCE_SECONDS) -> AdServer:
    """Return the adapter of the publisher's own ad server, which all its accounts share.

    `patience` is how many seconds one call may take: fewer where a person waits for the answer.
    """
    return ADAPTERS[settings.ADSERVER](publisher.ad_server_name, patience)
