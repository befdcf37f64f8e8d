"""The form in which staff shape a proposal."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import URLValidator
from django.utils.dateparse import parse_datetime

from mediabuys.models import Proposal, ProposalAllocation
from mediabuys.pricing import in_words
from mediabuys.services.proposal_revisions import EDITABLE, Revision
from mediabuys.states import PaymentTerms, ProposalStatus

MONEY: dict[str, Any] = {"max_digits": 18, "decimal_places": 4, "min_value": Decimal(0)}


class MomentInput(forms.DateTimeInput):
    """The browser's own picker of a day and a time."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"step": "1"}, format="%Y-%m-%dT%H:%M:%S")


def _address(label: str, help_text: str) -> forms.URLField:
    field = forms.URLField(
        label=label,
        required=False,
        max_length=500,
        assume_scheme="https",
        help_text=help_text,
        error_messages={"invalid": "Write an https address."},
    )
    field.validators = [URLValidator(schemes=["https"])]
    return field


class ProposalForm(forms.Form):
    """Name, terms, budgets and shares; unit prices too once they are firm."""

    name = forms.CharField(max_length=500)
    description = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )
    minimum_budget = forms.DecimalField(label="Least budget", **MONEY)
    recommended_budget = forms.DecimalField(
        label="Recommended budget",
        required=False,
        help_text="What the insertion order is over. Empty: left open.",
        **MONEY,
    )
    maximum_budget = forms.DecimalField(
        label="Largest budget", required=False, help_text="Empty: no limit.", **MONEY
    )
    expires_at = forms.DateTimeField(label="Stands until", widget=MomentInput)
    payment_terms = forms.ChoiceField(choices=PaymentTerms.choices)
    requires_signature = forms.BooleanField(
        label="Must be signed before it is ordered", required=False
    )
    terms_url = _address("Terms", "Where the full terms can be read.")
    signing_url = _address("Signing page", "Where a person signs; empty where nobody must.")
    shown_at = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, proposal: Proposal, **kwargs: Any) -> None:
        initial = {name: _shown(getattr(proposal, name)) for name in EDITABLE}
        kwargs["initial"] = {**initial, "shown_at": proposal.updated_at.isoformat()}
        super().__init__(*args, **kwargs)
        self.proposal = proposal
        self.rows: Sequence[ProposalAllocation] = list(proposal.allocations.all())
        for row in self.rows:
            self._add(f"share_{row.pk}", f"Share of {row.product} in percent", row.percentage, 7)
            if proposal.status == ProposalStatus.COMMITTED:
                label = f"Unit price of {row.product} in {proposal.currency}"
                self._add(f"price_{row.pk}", label, row.unit_price, 18)

    def _add(self, name: str, label: str, initial: Decimal | None, digits: int) -> None:
        self.fields[name] = forms.DecimalField(
            label=label,
            max_digits=digits,
            decimal_places=4,
            min_value=Decimal(0),
            initial=_shown(initial),
            widget=forms.NumberInput(attrs={"step": "any", "aria-label": label}),
        )

    def clean_shown_at(self) -> datetime:
        """Return the moment of the row that the person saw."""
        moment = parse_datetime(self.cleaned_data["shown_at"])
        if moment is None or moment.tzinfo is None:
            raise forms.ValidationError("Open the page again.")
        return moment

    def revision(self) -> Revision:
        """Return what the person wants: only what they changed of the columns, all of the plan."""
        values = self.cleaned_data
        return Revision(
            fields={name: values[name] for name in EDITABLE if name in self.changed_data},
            percentages={row.pk: values[f"share_{row.pk}"] for row in self.rows},
            unit_prices={
                row.pk: values[f"price_{row.pk}"]
                for row in self.rows
                if f"price_{row.pk}" in self.fields
            },
        )

    def plan(self) -> Iterator[dict[str, Any]]:
        """Yield each allocation with its fields, for the table."""
        for row in self.rows:
            price = f"price_{row.pk}"
            yield {
                "row": row,
                "share": self[f"share_{row.pk}"],
                "price": self[price] if price in self.fields else None,
            }

    def refuse(self, field: str | None, message: str) -> None:
        """Show a refusal of the service where it belongs."""
        self.add_error(field if field in self.fields else None, message)


def _shown(value: Any) -> Any:
    """Return amounts without the zeros that the column adds."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def consequence(proposal: Proposal) -> str:
    """Say what saving does, before anybody saves."""
    if proposal.status == ProposalStatus.COMMITTED:
        value = in_words(proposal.value, proposal.currency) if proposal.value else "an open amount"
        return (
            f"The agent has these prices and terms as a commitment over {value}, and may order by"
            " them. What you save takes their place at once, without a notice: the agent reads it"
            " when it asks for the proposal again. New prices, shares, budgets or terms make a new"
            " insertion order, and a signature under the former one no longer counts."
        )
    return (
        "The agent sees this draft when it sends the same brief again or refines it. Prices follow"
        " the catalog until the agent finalizes it; then they are firm."
    )
