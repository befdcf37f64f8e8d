"""Choosing the ad server of an order."""

from collections.abc import Callable

from django.conf import settings

from mediabuys.adservers.inline import InlineAdServer, inline_ad_server
from mediabuys.adservers.port import AdServer
from mediabuys.models import Account, Publisher

ADAPTERS: dict[str, Callable[[str], AdServer]] = {
    "inline": inline_ad_server,
}


def ad_server_for(account: Account) -> AdServer:
    """Return the adapter that books this account's orders; sandbox orders never leave us."""
    if account.sandbox:
        return InlineAdServer(account.publisher.ad_server_name)
    return publishers_ad_server(account.publisher)


def publishers_ad_server(publisher: Publisher) -> AdServer:
    """Return the adapter of the publisher's own ad server, which all its accounts share."""
    return ADAPTERS[settings.ADSERVER](publisher.ad_server_name)
