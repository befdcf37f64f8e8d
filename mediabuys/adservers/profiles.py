"""What each ad server can do, and how fresh its figures are, whether or not it is in use."""

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


@dataclass(frozen=True, slots=True)
class AdServerProfile:
    """What an ad server has beyond orders; of what it has not, its adapter answers with nothing.

    `delivery` says how fresh its figures are, None where it tells none. `reviews_creatives` is
    whether it reviews creatives itself, `has_inventory` whether it can tell availability.
    """

    delivery: SnapshotProfile | None = None
    reviews_creatives: bool = False
    has_inventory: bool = False

    @property
    def has_delivery(self) -> bool:
        """Whether the ad server tells what was delivered."""
        return self.delivery is not None


def _whole(delivery: SnapshotProfile) -> AdServerProfile:
    return AdServerProfile(delivery, reviews_creatives=True, has_inventory=True)


PROFILES: dict[str, AdServerProfile] = {
    # It is a table that serves nothing.
    "inline": AdServerProfile(),
    "simulated": _whole(SnapshotProfile(timedelta(seconds=60))),
    "batch": _whole(SnapshotProfile(timedelta(hours=4), is_batch=True)),
    "google_ad_manager": _whole(SnapshotProfile(timedelta(minutes=15))),
}


def publishers_profile() -> AdServerProfile:
    """Return what the publisher's own ad server can do: `publishers_ad_server`'s."""
    return PROFILES[settings.ADSERVER]


def profile_of(account: Account) -> AdServerProfile:
    """Return what the account's ad server can do: that of `ad_server_for`."""
    return PROFILES["inline"] if account.sandbox else publishers_profile()


def snapshot_profile(account: Account) -> SnapshotProfile | None:
    """Return how fresh the account's delivery figures are; None where there are none."""
    return profile_of(account).delivery
