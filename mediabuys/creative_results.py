"""What became of a sync: creative by creative, package by package."""

from dataclasses import dataclass, field

from mediabuys.errors import TradeError


@dataclass
class AssignmentOutcome:
    """Where a creative was put, and by package why not; `refusals` are the wishes' own errors."""

    assigned_to: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    refusals: list[TradeError] = field(default_factory=list)

    def refuse(self, package_id: str, refusal: TradeError) -> None:
        """Record why a wish was not granted."""
        self.refusals.append(refusal)
        self.explain(package_id, refusal)

    def explain(self, package_id: str, refusal: TradeError) -> None:
        """Record why the creative is not on a package, without a wish to blame."""
        self.errors[package_id] = f"{refusal.code}: {refusal.message}"

    def accept(self, package_id: str) -> None:
        """Record that the creative is on the package."""
        if package_id not in self.assigned_to:
            self.assigned_to.append(package_id)


@dataclass
class SyncedCreative:
    """What became of one item: `action` is created, updated, unchanged or failed."""

    creative_id: str
    action: str = "failed"
    status: str | None = None
    changes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[TradeError] = field(default_factory=list)
    outcome: AssignmentOutcome = field(default_factory=AssignmentOutcome)
