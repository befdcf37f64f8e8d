"""What a change changes, in words: for the desk before it is decided, for the history after."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from mediabuys.change_request import ChangeRequest, PackageChange
from mediabuys.models import Event, Package
from mediabuys.pricing import in_words
from mediabuys.requests import AssignmentRequest, PackageRequest
from mediabuys.selectors.desk_targeting import targeting_in_words

NOTHING = "None"
WORD_LIMIT = 300


@dataclass(frozen=True)
class Difference:
    """One thing that a change changes; `action` is its history entry, None where it has none."""

    what: str
    before: str
    after: str
    action: Event.Action | None = None
    package: Package | None = None
    summary: str = ""

    @property
    def label(self) -> str:
        """What it is, with the name of the package: `Budget of Homepage takeover`."""
        return f"{self.what} of {self.package.product.name}" if self.package else self.what

    @property
    def sentence(self) -> str:
        """The history's words: `Budget changed from $5,000 to $7,500 on pkg_…`."""
        where = f" on {self.package.package_id}" if self.package else ""
        if self.summary:
            return f"{self.summary}{where}"
        return f"{self.what} changed from {self.before} to {self.after}{where}"


def change_differences(request: ChangeRequest) -> list[Difference]:
    """Return everything that the change changes, the buy's own first."""
    return [
        *_of_buy(request),
        *(entry for change in request.packages for entry in _of_package(change)),
        *(_added(line, request.buy.currency) for line in request.new_packages),
    ]


def differences_in_words(request: ChangeRequest) -> list[dict[str, str]]:
    """Return the differences as the desk shows them: label, before and after."""
    return [
        {"label": entry.label, "before": entry.before, "after": entry.after}
        for entry in change_differences(request)
        if entry.before != entry.after
    ]


def _of_buy(request: ChangeRequest) -> Iterator[Difference]:
    buy = request.buy
    if request.cancels:
        yield Difference("Media buy", buy.get_status_display(), "Canceled")
        return
    if request.budget_after != buy.total_budget:
        before, after = (
            in_words(a, buy.currency) for a in (buy.total_budget, request.budget_after)
        )
        yield Difference("Total budget", before, after)
    if request.start_time is not None:
        after = "As soon as possible" if request.starts_asap else _moment(request.start_time)
        yield Difference("Start", _moment(buy.start_time), after, Event.Action.DATES_UPDATED)
    if request.end_time is not None:
        yield Difference(
            "End", _moment(buy.end_time), _moment(request.end_time), Event.Action.DATES_UPDATED
        )
    if request.pauses is not None:
        words = ("Running", "Paused") if request.pauses else ("Paused", "Running")
        yield Difference("Delivery", *words)
    yield from _details(request)


def _details(request: ChangeRequest) -> Iterator[Difference]:
    action = Event.Action.DETAILS_UPDATED
    if request.invoice_recipient is not None:
        before = (request.buy.invoice_recipient or {}).get("legal_name") or "The account's own"
        after = request.invoice_recipient.get("legal_name", NOTHING)
        yield Difference("Invoice recipient", before, after, action)
    if request.reporting is not None:
        yield Difference(
            "Reporting webhook", "", "Replaced", action, summary="Reporting webhook replaced"
        )
    if request.channel is not None:
        yield Difference(
            "Notification webhook", "", "Replaced", action, summary="Notification webhook replaced"
        )


def _of_package(change: PackageChange) -> Iterator[Difference]:
    package, action = change.package, Event.Action.PACKAGES_UPDATED
    if change.cancels:
        yield _canceled(change)
        return
    if change.budget is not None:
        before, after = (in_words(a, package.currency) for a in (package.budget, change.budget))
        yield Difference("Budget", before, after, Event.Action.BUDGET_UPDATED, package)
    for what, old, new in (
        ("Start", package.start_time, change.start_time),
        ("End", package.end_time, change.end_time),
    ):
        if new is not None:
            before = "the buy's own" if old is None else _moment(old)
            yield Difference(what, before, _moment(new), Event.Action.DATES_UPDATED, package)
    for what, old_word, new_word in _terms(change):
        yield Difference(what, old_word, new_word, action, package)
    yield from _untold(change)
    if change.is_paused is not None:
        yield _paused(change)


def _terms(change: PackageChange) -> Iterator[tuple[str, str, str]]:
    package = change.package
    if change.bid_price is not None:
        before = _price(package.bid_price, package.currency)
        yield "Bid", before, _price(change.bid_price, package.currency)
    if change.impressions is not None:
        before = NOTHING if package.impressions is None else f"{package.impressions:,}"
        yield "Impressions", before, f"{change.impressions:,}"
    if change.pacing is not None:
        yield "Pacing", _spoken(package.pacing or "even"), _spoken(change.pacing)
    if change.targeting_overlay is not None:
        yield (
            "Targeting",
            _targeting(package.targeting_overlay),
            _targeting(change.targeting_overlay),
        )
    if change.assignments is not None:
        standing = [row.creative_ref for row in package.assignments.all()]
        yield "Creatives", _listed(standing), _listed(_ids(change.assignments))


def _untold(change: PackageChange) -> Iterator[Difference]:
    """The buyer's own notes: the history says that they changed, nobody has to decide on them."""
    action = Event.Action.PACKAGES_UPDATED
    if change.request_context is not None:
        yield Difference("Context", "", "", action, change.package, "Context replaced")
    if change.ext is not None:
        yield Difference("Extensions", "", "", action, change.package, "Extensions replaced")


def _paused(change: PackageChange) -> Difference:
    if change.is_paused:
        return Difference(
            "Delivery", "Running", "Paused", Event.Action.PACKAGE_PAUSED, change.package, "Paused"
        )
    return Difference(
        "Delivery", "Paused", "Running", Event.Action.PACKAGE_RESUMED, change.package, "Resumed"
    )


def _canceled(change: PackageChange) -> Difference:
    reason = f": {change.cancellation_reason}" if change.cancellation_reason else ""
    return Difference(
        "Delivery",
        "Paused" if change.package.is_paused else "Running",
        f"Canceled{reason}",
        Event.Action.PACKAGE_CANCELED,
        change.package,
        f"Canceled{reason}",
    )


def _added(line: PackageRequest, currency: str) -> Difference:
    price = _price(line.unit_price, currency)
    model = line.pricing_option.get_pricing_model_display()
    words = f"{line.product.name}, {in_words(line.budget, currency)} at {model} {price}"
    return Difference("New package", NOTHING, words)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _price(amount: Decimal | None, currency: str) -> str:
    if amount is None:
        return NOTHING
    digits = f"{amount.normalize():,f}"
    if "." in digits and len(digits.split(".")[1]) == 1:
        digits += "0"
    return f"${digits}" if currency == "USD" else f"{currency} {digits}"


def _targeting(overlay: dict[str, Any] | None) -> str:
    pairs = targeting_in_words(overlay)
    return "; ".join(f"{name}: {words}" for name, words in pairs)[:WORD_LIMIT] or "Everybody"


def _spoken(word: str) -> str:
    return word.replace("_", " ")


def _ids(assignments: tuple[AssignmentRequest, ...]) -> list[str]:
    return [wish.creative_id for wish in assignments]


def _listed(ids: list[str]) -> str:
    return (", ".join(sorted(ids)) or NOTHING)[:WORD_LIMIT]
