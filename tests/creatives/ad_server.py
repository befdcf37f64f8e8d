"""The ad server's own review in tests: what it says, and an ad server that says what is written."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from mediabuys.adservers.inline import InlineAdServer
from mediabuys.adservers.port import AdServerError, CreativePage, CreativeState, ReviewState
from mediabuys.adservers.requests import creative_reference
from mediabuys.models import Creative
from mediabuys.services.ad_server_reviews import creative_state_apply
from mediabuys.services.creatives import creative_review


def creative_of(creative_id: str = "banner") -> Creative:
    """Return the creative as it is now."""
    return Creative.objects.select_related("account").get(creative_id=creative_id)


def pass_on(creative_id: str = "banner", **changes: Any) -> Creative:
    """Have a person approve the creative."""
    return creative_review(
        creative_pk=creative_of(creative_id).pk,
        approve=True,
        reason="",
        reviewer="seller:rep",
        **changes,
    )


def word(review: str, creative_id: str = "banner", **changes: Any) -> CreativeState:
    """Return what the ad server says of the creative's present revision."""
    creative = creative_of(creative_id)
    said: dict[str, Any] = {
        "reference": creative_reference(creative),
        "revision": creative.revision,
        "review": ReviewState(review),
        "reason": "It flashes." if review == ReviewState.REJECTED else "",
    }
    return CreativeState(**{**said, **changes})


def say(state: CreativeState, **changes: Any) -> bool:
    """Apply it in a transaction of its own; return whether it moved the creative."""
    with transaction.atomic():
        return creative_state_apply(state=state, now=timezone.now(), **changes)


class ReviewingAdServer(InlineAdServer):
    """Tells its pages of reviews by number; `failure` is raised instead."""

    def __init__(self) -> None:
        super().__init__("Reviewing Ad Server")
        self.pages: list[Sequence[CreativeState]] = []
        self.failure: AdServerError | None = None
        self.before_page: Callable[[], object] | None = None
        self.asked: list[str] = []

    def creative_states(self, cursor: str) -> CreativePage:
        """Return the page after the cursor, an empty one after the last."""
        self.asked.append(cursor)
        if self.before_page is not None:
            self.before_page()
        if self.failure is not None:
            raise self.failure
        number = int(cursor or 0)
        states = self.pages[number] if number < len(self.pages) else ()
        after = min(number + 1, len(self.pages))
        return CreativePage(tuple(states), str(after), more=after < len(self.pages))
