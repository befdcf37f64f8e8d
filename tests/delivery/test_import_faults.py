"""An ad server that fails, or makes no sense: nothing is lost, nothing loops, the feed says so."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mediabuys.adservers.port import AdServerUnavailable, DeliveryPage, Health
from mediabuys.models import AdServerFeed, DeliveryRow, Package
from mediabuys.services import delivery_import as importing
from mediabuys.services.delivery_import import delivery_import
from tests.delivery.scripted import NOW, ScriptedAdServer, told, totals

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def twisted(ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let every page of the ad server say something else."""
    honest = ad_server.delivery

    def delivery(cursor: str) -> DeliveryPage:
        return replace(honest(cursor), **changes)

    monkeypatch.setattr(ad_server, "delivery", delivery)


def test_an_ad_server_that_is_down_is_asked_again_from_the_same_place(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.tell(told(package))
    delivery_import(now=NOW)
    ad_server.tell(told(package, country="GB"))
    ad_server.failure = AdServerUnavailable("The ad server did not answer.")
    for minutes in (1, 2):
        assert delivery_import(now=NOW + minutes * MINUTE) == 0

    feed = AdServerFeed.objects.get()
    assert (feed.cursor, feed.failure_count, feed.lease_token) == ("1", 2, None)
    assert feed.error_message == "The ad server did not answer."
    assert feed.failing_since is not None
    assert round((feed.failing_since - NOW).total_seconds()) == 60
    assert totals(package) == (1000, 10, 0, Decimal(10))
    ad_server.failure = None
    assert delivery_import(now=NOW + 3 * MINUTE) == 1

    well = AdServerFeed.objects.get()
    assert (well.failure_count, well.error_message, well.failing_since) == (0, "", None)
    assert totals(package) == (2000, 20, 0, Decimal(20))


def test_a_page_that_was_read_before_the_failure_stays(
    package: Package, ad_server: ScriptedAdServer
) -> None:
    ad_server.tell(told(package))
    ad_server.tell(told(package, country="GB"))

    def fail(cursor: str) -> None:
        if cursor == "1":
            raise AdServerUnavailable("The ad server did not answer.")

    ad_server.before_page = fail

    delivery_import(now=NOW)

    feed = AdServerFeed.objects.get()
    assert (feed.cursor, feed.failure_count, feed.as_of) == ("1", 1, None)
    assert totals(package) == (1000, 10, 0, Decimal(10))


def test_an_ad_server_that_never_moves_on_is_asked_once_by_each_import(
    package: Package, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad_server.tell(told(package))
    twisted(ad_server, monkeypatch, cursor="1", more=True)

    delivery_import(now=NOW)
    delivery_import(now=NOW)

    feed = AdServerFeed.objects.get()
    assert ad_server.asked == ["", "1", "1"]
    assert (feed.cursor, feed.failure_count) == ("1", 2)
    assert feed.error_message == "It says that there is more, and tells the same again."
    assert totals(package) == (1000, 10, 0, Decimal(10))


@pytest.mark.parametrize("cursor", ["x" * 501, "a\0b", "a\nb"])
def test_a_place_to_go_on_from_that_makes_no_sense_is_not_kept(
    package: Package, ad_server: ScriptedAdServer, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> None:
    ad_server.tell(told(package))
    twisted(ad_server, monkeypatch, cursor=cursor)

    delivery_import(now=NOW)

    feed = AdServerFeed.objects.get()
    assert (feed.cursor, feed.failure_count) == ("", 1)
    assert feed.error_message == "The place that it says to go on from makes no sense."
    assert not DeliveryRow.objects.exists()


def test_an_adapter_that_breaks_its_word_is_noted_and_its_lease_ends(
    package: Package,
    ad_server: ScriptedAdServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def health() -> Health:
        raise ValueError("secret of the ad server")

    ad_server.tell(told(package))
    monkeypatch.setattr(ad_server, "health", health)

    delivery_import(now=NOW)

    feed = AdServerFeed.objects.get()
    assert (feed.cursor, feed.failure_count, feed.lease_token) == ("", 1, None)
    assert feed.error_message == importing.NOT_STORED
    assert "cannot be read or stored" in caplog.text
    assert not DeliveryRow.objects.exists()
