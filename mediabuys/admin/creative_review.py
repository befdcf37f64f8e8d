"""The desk's pages of creatives: the review queue, and one creative."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mediabuys.admin.creative_decisions import PATHS, REVIEW, VERBS, approve_many, outcomes_of
from mediabuys.admin.page import desk_page
from mediabuys.keyset import whole_number
from mediabuys.models import Creative, Trafficking
from mediabuys.selectors.creative_queue import (
    DUE_SOON,
    ReviewView,
    first_to_review,
    history_of,
    review_counts,
    review_page,
    review_rows,
)
from mediabuys.services.creative_history import AUTO_APPROVER
from mediabuys.services.events import agent_actor
from mediabuys.states import ReviewOutcome

VIEW = "mediabuys.view_creative"
PLACES_ON_THE_PAGE = 50
STYLES = {ReviewOutcome.APPROVED: "approve"}
TONES = {
    ReviewOutcome.APPROVED: "good",
    ReviewOutcome.REJECTED: "bad",
    ReviewOutcome.REVOKED: "bad",
}

View = Callable[..., HttpResponse]


def creative_urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """Return the pages' patterns; `wrap` is the admin site's guard."""
    return [
        path("creative-review/", wrap(queue), name="creative_review"),
        path("creative-review/approve/", wrap(approve_many), name="creative_review_approve"),
    ]


def _require_view(request: HttpRequest) -> None:
    if not request.user.has_perm(VIEW):
        raise PermissionDenied


@never_cache
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Show one named view of the creatives that wait, page by page."""
    _require_view(request)
    now = timezone.now()
    name, words = request.GET.get("view", ""), request.GET.get("q", "")
    view = ReviewView(name) if name in ReviewView.values else ReviewView.ALL
    context = {
        "title": "Creative review",
        "now": now,
        "soon": now + DUE_SOON,
        "view": view,
        "views": ReviewView,
        "words": words,
        "page": review_page(view=view, words=words, after=request.GET.get("after", ""), now=now),
        "counts": review_counts(now=now),
        "may_review": request.user.has_perm(REVIEW),
    }
    return desk_page(request, "desk/creative_queue.html", context)


@never_cache
@require_safe
def creative_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """Show one creative; never changes anything."""
    _require_view(request)
    now = timezone.now()
    pk = whole_number(object_id)
    rows = review_rows([pk], now=now, limit=PLACES_ON_THE_PAGE) if pk else ()
    if not rows:
        raise Http404("There is no such creative.")
    [row] = rows
    creative = row.creative
    may_review = request.user.has_perm(REVIEW)
    context = {
        "title": "Creative review",
        "now": now,
        "soon": now + DUE_SOON,
        "row": row,
        "creative": creative,
        "ad_server": creative.account.publisher.ad_server_name,
        "trafficking": _telling(creative),
        "choices": _choices(creative) if may_review else [],
        "history": [
            {
                "entry": entry,
                "who": _in_words(entry.reviewer, creative),
                "tone": TONES.get(ReviewOutcome(entry.outcome), ""),
            }
            for entry in history_of(creative)
        ],
        "next": first_to_review(now=now),
    }
    return desk_page(request, "desk/creative.html", context)


def _in_words(reviewer: str, creative: Creative) -> str:
    kind, _, name = reviewer.partition(":")
    if reviewer == AUTO_APPROVER:
        return "the policy that approves at once"
    if reviewer == agent_actor(creative.principal):
        return creative.principal.name
    return name if kind in ("seller", "agent", "ad-server") else reviewer


def _telling(creative: Creative) -> Trafficking | None:
    """Return how far the ad server was told of a creative that it is to review."""
    return Trafficking.objects.filter(creative=creative).first() if creative.is_passed_on else None


def _choices(creative: Creative) -> list[dict[str, str]]:
    shown = f"?revision={creative.revision}&standing={creative.standing}"
    return [
        {
            "verb": VERBS[outcome][0],
            "style": STYLES.get(outcome, "reject"),
            "address": reverse(f"admin:mediabuys_creative_{PATHS[outcome]}", args=[creative.pk])
            + shown,
        }
        for outcome in outcomes_of(creative)
    ]
