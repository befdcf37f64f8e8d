"""The publisher's settings and where its staff hear of new approvals."""

import pytest

from mediabuys.models import Publisher
from mediabuys.services.publishers import publisher_save
from webhooks.errors import DestinationRefused
from webhooks.models import Destination

pytestmark = pytest.mark.django_db


def test_staff_hear_by_mail_where_addresses_are_given(publisher: Publisher) -> None:
    publisher.staff_notice_emails = "rep@ledger.example, desk@ledger.example"

    publisher_save(publisher=publisher)

    publisher.refresh_from_db()
    destination = Destination.objects.get()
    assert publisher.staff_destination == destination
    assert (destination.owner_key, destination.kind) == ("staff", "email")
    assert destination.url == "mailto:rep@ledger.example,desk@ledger.example"


def test_without_addresses_there_is_no_destination(publisher: Publisher) -> None:
    publisher.staff_notice_emails = "rep@ledger.example"
    publisher_save(publisher=publisher)
    publisher.staff_notice_emails = " "

    publisher_save(publisher=publisher)

    publisher.refresh_from_db()
    assert publisher.staff_destination is None


def test_what_is_no_address_is_refused_and_nothing_is_saved(publisher: Publisher) -> None:
    publisher.name, publisher.staff_notice_emails = "Renamed", "not an address"

    with pytest.raises(DestinationRefused):
        publisher_save(publisher=publisher)

    publisher.refresh_from_db()
    assert publisher.name == "Northern Ledger Media"
    assert not Destination.objects.exists()
