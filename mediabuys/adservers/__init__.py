"""Choosing the ad server of an order."""

from collections.abc import Callable

from django.conf import settings

from mediabuys.adservers.inline import InlineAdServer, inline_ad_server
from mediabuys.adservers.port import AdServer
from mediabuys.models import Account

ADAPTERS: dict[str, Callable[[str], AdServer]] = {"inline": inline_ad_server}


def ad_server_for(account: Account) -> AdServer:
    """Return the adapter that books this account's orders; sandbox orders never leave us."""
    name = account.publisher.ad_server_name
    if account.sandbox:
        return InlineAdServer(name)
    return ADAPTERS[settings.ADSERVER](name)
