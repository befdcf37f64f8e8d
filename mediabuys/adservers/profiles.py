"""How fresh each ad server's figures are, whether or not it is the one in use."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from mediabuys.models import Account

# An importer that has missed this many cycles in a row is broken, and not merely late.
MISSED_CYCLES = 4


@dataclass(frozen=True, slots=True)
class SnapshotProfile:
    """`staleness` is how old figures may be in ordinary running: one cycle of the import.

    Where the ad server has only batch reports, the last figures are shown however old they are.
    """

    staleness: timedelta
    is_batch: bool = False

    @property
    def oldest(self) -> timedelta | None:
        """Age from which figures are no longer shown; None where any age will do."""
        return None if self.is_batch else MISSED_CYCLES * self.staleness


# The inline adapter serves nothing, and so has no figures.
PROFILES: dict[str, SnapshotProfile | None] = {
    "inline": None,
    "simulated": SnapshotProfile(timedelta(seconds=60)),
    "batch": SnapshotProfile(timedelta(hours=4), is_batch=True),
    "google_ad_manager": SnapshotProfile(timedelta(minutes=15)),
}


def snapshot_profile(account: Account) -> SnapshotProfile | None:
    """Return what the account's ad server can tell of delivery; None where nothing.

    The ad server is the one that `ad_server_for` chooses: sandbox orders never leave us.
    """
    return PROFILES["inline" if account.sandbox else settings.ADSERVER]
