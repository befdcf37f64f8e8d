"""Finding our creatives by the names that they have on the ad server."""

from collections.abc import Collection

from django.db.models import QuerySet

from mediabuys.adservers.requests import creative_reference
from mediabuys.models import Creative

# Its status too: a row with a status reads it as it is made.
PARENT_FIELDS = ("account__account_id", "account__status")


def creatives_named(references: Collection[str]) -> dict[str, Creative]:
    """Return our creatives by their reference, without contents; unknown ones are left out.

    One query, whatever the number.
    """
    accounts, ids = set(), set()
    for reference in references:
        account_id, creative_id = _parts(reference)
        accounts.add(account_id)
        ids.add(creative_id)
    rows = (
        Creative.objects.filter(account__account_id__in=accounts, creative_id__in=ids)
        .select_related("account")
        .only("creative_id", "revision", "status", "passed_on_at", *PARENT_FIELDS)
    )
    found = {creative_reference(creative): creative for creative in rows}
    return {reference: found[reference] for reference in references if reference in found}


def creative_named(reference: str) -> QuerySet[Creative]:
    """Return the one creative of this reference, or none, with account and publisher."""
    account_id, creative_id = _parts(reference)
    return Creative.objects.filter(
        account__account_id=account_id, creative_id=creative_id
    ).select_related("account__publisher")


def _parts(reference: str) -> tuple[str, str]:
    """Return the ids of account and creative; the database knows no NUL."""
    account_id, _, creative_id = reference.replace("\x00", "").partition("/")
    return account_id, creative_id
