"""The creatives that wait for a reviewer, the one that is due first on top."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Count, DateTimeField, Max, Min, Q, QuerySet, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from mediabuys.creative_preview import CreativeContent, creative_content
from mediabuys.keyset import cursor_at, position_of
from mediabuys.models import Creative, CreativeAssignment, CreativeFormat, CreativeReview
from mediabuys.selectors.creative_deadlines import assignment_deadline, is_running
from mediabuys.selectors.desk import creatives_to_review
from mediabuys.states import ReviewOutcome

DUE_SOON = timedelta(hours=24)
PAGE_SIZE = 50
# More places of one creative are only counted.
SHOWN_PLACES = 3
SEARCH_LIMIT = 100
HISTORY_LIMIT = 100
# Creatives on no running package sort behind all others.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class ReviewView(models.TextChoices):
    """The named views of the queue, as they stand in its address."""

    ALL = "all", "All"
    OVERDUE = "overdue", "Past the deadline"
    SOON = "soon", "Due within 24 h"
    UNASSIGNED = "unassigned", "On no running buy"


@dataclass(frozen=True)
class ReviewRow:
    """One creative that waits; `due_at` is the first deadline of its places, None without any.

    `places` are the first few running packages that it is on, of `place_count`.
    """

    creative: Creative
    content: CreativeContent
    format_name: str
    sent_at: datetime
    due_at: datetime | None
    places: tuple[CreativeAssignment, ...]
    place_count: int

    @property
    def more_places(self) -> int:
        """How many places are not shown."""
        return self.place_count - len(self.places)

    @property
    def pick(self) -> str:
        """What names this very revision in a form."""
        return f"{self.creative.pk}-{self.creative.revision}"


@dataclass(frozen=True)
class ReviewPage:
    """One page; `next_cursor` is empty where nothing lies beyond."""

    rows: tuple[ReviewRow, ...]
    next_cursor: str


def review_queue(*, view: ReviewView, words: str, now: datetime) -> QuerySet[Any]:
    """Return what waits in one view, most urgent first, as keys: primary key and `due`."""
    waiting = _with_due(creatives_to_review().filter(_search(words)), now)
    return waiting.filter(_in_view(view, now)).order_by("due", "pk")


def _with_due(creatives: QuerySet[Any], now: datetime) -> QuerySet[Any]:
    due = Min(
        assignment_deadline("assignments__package"),
        filter=is_running(now, "assignments__package"),
    )
    never = Value(NEVER, output_field=DateTimeField())
    return creatives.order_by().values("pk").annotate(due=Coalesce(due, never))


def _in_view(view: ReviewView, now: datetime) -> Q:
    return {
        ReviewView.ALL: Q(),
        ReviewView.OVERDUE: Q(due__lte=now),
        ReviewView.SOON: Q(due__gt=now, due__lte=now + DUE_SOON),
        ReviewView.UNASSIGNED: Q(due=NEVER),
    }[view]


def _search(words: str) -> Q:
    text = words.replace("\x00", "").strip()[:SEARCH_LIMIT]
    if not text:
        return Q()
    return (
        Q(name__icontains=text)
        | Q(creative_id=text)
        | Q(principal__name__icontains=text)
        | Q(account__name__icontains=text)
        | Q(account__brand_domain__icontains=text)
    )


def review_counts(*, now: datetime) -> Mapping[ReviewView, int]:
    """Return how many creatives wait in each view; one query."""
    counted = _with_due(creatives_to_review(), now).aggregate(
        **{view.value: Count("pk", filter=_in_view(view, now) or None) for view in ReviewView}
    )
    return {view: counted[view.value] for view in ReviewView}


def review_page(
    *, view: ReviewView, words: str, after: str, now: datetime, size: int = PAGE_SIZE
) -> ReviewPage:
    """Return one page of a view in five queries, however long the queue.

    `after` is the cursor of the page before; what is no cursor is ignored.
    """
    waiting = review_queue(view=view, words=words, now=now)
    position = position_of(after)
    if position is not None:
        due, pk = position
        waiting = waiting.filter(Q(due__gt=due) | Q(due=due, pk__gt=pk))
    keys = [(row["due"], row["pk"]) for row in waiting[: size + 1]]
    rows = review_rows([pk for _, pk in keys[:size]], now=now)
    return ReviewPage(rows, cursor_at(keys[size - 1]) if len(keys) > size else "")


def review_rows(
    creatives: Sequence[int], *, now: datetime, limit: int = SHOWN_PLACES
) -> tuple[ReviewRow, ...]:
    """Return these creatives with what a reviewer needs, in this order; four queries.

    Each with at most `limit` places; a primary key of no creative is left out.
    """
    found = Creative.objects.select_related("account__publisher", "principal").in_bulk(
        list(creatives)
    )
    places = places_of(creatives, now=now, limit=limit)
    formats = _format_names({creative.format_key for creative in found.values()})
    sent = _sent(creatives)
    return tuple(
        _row(found[pk], formats, sent.get(pk, found[pk].updated_at), places.get(pk, []))
        for pk in creatives
        if pk in found
    )


def _row(
    creative: Creative,
    formats: Mapping[str, str],
    sent_at: datetime,
    places: Sequence[CreativeAssignment],
) -> ReviewRow:
    first = places[0] if places else None
    return ReviewRow(
        creative=creative,
        content=creative_content(creative),
        format_name=formats.get(creative.format_key, creative.format_key),
        sent_at=sent_at,
        due_at=getattr(first, "deadline", None),
        places=tuple(places),
        place_count=getattr(first, "number_of_places", 0),
    )


def _format_names(keys: set[str]) -> dict[str, str]:
    found = CreativeFormat.objects.filter(format_id__in=keys)
    return dict(found.values_list("format_id", "name"))


def _sent(creatives: Sequence[int]) -> dict[int, datetime]:
    sent = CreativeReview.objects.filter(creative__in=creatives, outcome=ReviewOutcome.SUBMITTED)
    return dict(sent.order_by().values_list("creative").annotate(Max("at")))


def places_of(
    creatives: Sequence[int], *, now: datetime, limit: int
) -> dict[int, list[CreativeAssignment]]:
    """Return the running packages that each creative is on, first due first; one query.

    At most `limit` for each; every row has `deadline` and `number_of_places`, how many there are.
    """
    ranked = (
        CreativeAssignment.objects.filter(is_running(now, "package"), creative__in=creatives)
        .annotate(deadline=assignment_deadline("package"))
        .annotate(
            rank=Window(RowNumber(), partition_by="creative", order_by=["deadline", "pk"]),
            number_of_places=Window(Count("pk"), partition_by="creative"),
        )
        .filter(rank__lte=limit)
        .select_related("package__product", "package__media_buy")
        .order_by("creative", "rank")
    )
    found: dict[int, list[CreativeAssignment]] = {}
    for row in ranked:
        if row.creative_id is not None:
            found.setdefault(row.creative_id, []).append(row)
    return found


def first_to_review(*, now: datetime) -> int | None:
    """Return the primary key of the creative that is due first; None when nothing waits."""
    first = review_queue(view=ReviewView.ALL, words="", now=now).first()
    return None if first is None else first["pk"]


def history_of(creative: Creative, *, limit: int = HISTORY_LIMIT) -> list[CreativeReview]:
    """Return what happened to a creative's revisions, newest first; one query."""
    return list(CreativeReview.objects.filter(creative=creative).order_by("-pk")[:limit])
