"""How the desk writes a proposal's shares and its people."""

from datetime import datetime
from decimal import Decimal

from django import template
from django.utils import timezone

from mediabuys.models import Principal
from mediabuys.planning import in_percent
from tasks_hitl.templatetags.desk import span

register = template.Library()

register.filter("percent", in_percent)


@register.filter
def plain(number: Decimal) -> str:
    """Write a number as an attribute has it: `33.3333`, whatever the language."""
    return f"{number:f}"


@register.filter
def less(percent: Decimal) -> str:
    """Write a discount as what it takes off, the minus as long as a plus."""
    return f"\N{MINUS SIGN}{in_percent(percent)}"


@register.filter
def left(moment: datetime) -> str:
    """Write how long it is until a moment: `2 days 23 h`."""
    return span(moment - timezone.now())


@register.filter
def person(actor: str, principal: Principal) -> str:
    """Write who acted: the agent's name, or the salesperson's."""
    kind, _, name = actor.partition(":")
    if kind == "agent" and name == principal.principal_id:
        return principal.name
    return name or actor
