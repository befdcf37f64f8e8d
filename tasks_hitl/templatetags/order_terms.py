"""The block of an order's terms, on whichever page of the desk shows an order."""

from django import template

from mediabuys.models import MediaBuy
from mediabuys.selectors.desk_terms import OrderTerms, terms_of

register = template.Library()


@register.inclusion_tag("desk/_terms.html")
def order_terms(buy: MediaBuy) -> dict[str, MediaBuy | OrderTerms]:
    """Show proposal, signature, invoice and reports; nothing for an order without them."""
    return {"buy": buy, "terms": terms_of(buy)}
