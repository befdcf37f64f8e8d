"""What an order was agreed on beside its packages, in the desk's words; no secret is in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from mediabuys.models import ArtifactWebhook, MediaBuy, Proposal, ReportingWebhook
from mediabuys.pricing import in_words


@dataclass(frozen=True)
class OrderTerms:
    """The proposal, the signature, the invoice and the reports of one order."""

    proposal: Proposal | None
    signatory: str
    accepted_at: datetime | None
    signature_id: str
    invoiced: str
    invoice_lines: tuple[str, ...]
    has_bank: bool
    reports: str
    artifacts: str

    def __bool__(self) -> bool:
        return bool(
            self.proposal or self.signatory or self.invoiced or self.reports or self.artifacts
        )

    @property
    def value(self) -> str:
        """What the insertion order is over."""
        if self.proposal is None:
            return ""
        amount = self.proposal.value
        return in_words(amount, self.proposal.currency) if amount else "an open amount"


def terms_of(buy: MediaBuy) -> OrderTerms:
    """Return what the desk shows of the order's terms.

    No query where `proposal`, `reporting_webhook` and `artifact_webhook` were joined; else one
    each.
    """
    acceptance, recipient = buy.io_acceptance or {}, buy.invoice_recipient or {}
    return OrderTerms(
        proposal=buy.proposal,
        signatory=acceptance.get("signatory", ""),
        accepted_at=parse_datetime(acceptance.get("accepted_at", "")),
        signature_id=acceptance.get("signature_id", ""),
        invoiced=recipient.get("legal_name", ""),
        invoice_lines=tuple(_invoice_lines(recipient)),
        has_bank=bool(buy.invoice_bank),
        reports=_reports(getattr(buy, "reporting_webhook", None)),
        artifacts=_artifacts(getattr(buy, "artifact_webhook", None)),
    )


def _invoice_lines(recipient: dict[str, Any]) -> list[str]:
    address = recipient.get("address") or {}
    town = " ".join(address[part] for part in ("postal_code", "city") if address.get(part))
    street = [address.get("street"), town, address.get("region"), address.get("country")]
    numbers = [
        f"{label} {recipient[key]}"
        for key, label in (
            ("vat_id", "VAT"),
            ("tax_id", "tax"),
            ("registration_number", "registered as"),
        )
        if recipient.get(key)
    ]
    contacts = [
        " ".join(contact[part] for part in ("role", "name", "email", "phone") if contact.get(part))
        for contact in recipient.get("contacts") or []
    ]
    lines = [", ".join(part for part in street if part), ", ".join(numbers), *contacts]
    return [line for line in lines if line]


def _reports(webhook: ReportingWebhook | None) -> str:
    if webhook is None:
        return ""
    metrics = ", ".join(webhook.requested_metrics) or "every metric"
    return f"{webhook.get_frequency_display()}, {metrics}"


def _artifacts(webhook: ArtifactWebhook | None) -> str:
    if webhook is None:
        return ""
    often = f", {webhook.batch_frequency}" if webhook.batch_frequency else ""
    share = (webhook.sampling_rate * 100).normalize()
    return f"{webhook.get_delivery_mode_display()}{often}, {share:f} % of impressions"
