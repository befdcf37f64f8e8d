"""What a buy was agreed on beside its packages, on the buy's own page."""

from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timezone import localtime
from unfold.decorators import display

from mediabuys.models import MediaBuy
from mediabuys.selectors.desk_terms import terms_of

TERMS = ("shown_proposal", "shown_acceptance", "shown_invoice", "shown_reports", "shown_artifacts")


class BuyTerms:
    """Proposal, insertion order, invoice and reports in words; never a secret of theirs."""

    @display(description="Proposal")
    def shown_proposal(self, buy: MediaBuy) -> str:
        terms = terms_of(buy)
        return f"{terms.proposal.name}, over {terms.value}" if terms.proposal else "none"

    @display(description="Insertion order")
    def shown_acceptance(self, buy: MediaBuy) -> str:
        terms = terms_of(buy)
        if terms.proposal is None:
            return "none"
        if not terms.signatory or terms.accepted_at is None:
            return f"{terms.proposal.io_id}, not signed"
        when = date_format(localtime(terms.accepted_at), "j M Y, H:i")
        signature = f", signature {terms.signature_id}" if terms.signature_id else ""
        return f"{terms.proposal.io_id}, accepted by {terms.signatory} on {when}{signature}"

    @display(description="Invoice")
    def shown_invoice(self, buy: MediaBuy) -> str:
        terms = terms_of(buy)
        if not terms.invoiced:
            return "as the account is billed"
        bank = ["bank details are on file and not shown"] if terms.has_bank else []
        lines = [(line,) for line in (*terms.invoice_lines, *bank)]
        return format_html("{}{}", terms.invoiced, format_html_join("", "<br>{}", lines))

    @display(description="Reports")
    def shown_reports(self, buy: MediaBuy) -> str:
        return terms_of(buy).reports or "none"

    @display(description="Content seen beside")
    def shown_artifacts(self, buy: MediaBuy) -> str:
        return terms_of(buy).artifacts or "none"
