"""The publisher's own settings."""

from mediabuys.models import Publisher
from webhooks.services import destination_upsert

STAFF = "staff"


def publisher_save(*, publisher: Publisher) -> Publisher:
    """Save the settings, and where staff hear of new approvals with them.

    Joins the caller's transaction. Raises DestinationRefused for addresses that are none.
    """
    emails = publisher.staff_notice_emails.strip()
    publisher.staff_destination = (
        destination_upsert(owner_key=STAFF, kind="email", url=f"mailto:{emails}")
        if emails
        else None
    )
    publisher.save()
    return publisher
