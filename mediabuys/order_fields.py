"""What an order says beside its flight and its packages: references, invoice, governance."""

import json
import re
from collections.abc import Mapping
from typing import Any

from mediabuys.errors import InvalidRequest
from mediabuys.models import Account

REFERENCE_LIMIT = 255
# The longest name that the domain name system has.
DOMAIN_LIMIT = 253
BUYER_REFERENCE = ("buyer_ref",)
CAMPAIGN_REFERENCE = ("campaign_ref", "buyer_campaign_ref")
# AdCP's own rule for the token; it is kept as it came and read by the governance agent alone.
GOVERNANCE_CONTEXT = re.compile(r"[\x20-\x7e]{1,4096}")


def buyer_reference(params: Mapping[str, Any], *, prefix: str = "") -> str:
    """Return the buyer's own name for a buy, or for the package whose fields begin with `prefix`.

    Empty where it gave none; raises `InvalidRequest` for one that is no short text.
    """
    return _reference(params, BUYER_REFERENCE, prefix)


def campaign_reference(params: Mapping[str, Any]) -> str:
    """Return the buyer's name for the campaign that the buy belongs to; empty where none.

    Raises `InvalidRequest` for one that is no short text.
    """
    return _reference(params, CAMPAIGN_REFERENCE, "")


def brand_domain(params: Mapping[str, Any]) -> str:
    """Return the domain of the request's brand; empty where it names none.

    Raises `InvalidRequest` for one that is longer than a domain can be.
    """
    domain = _object(params.get("brand")).get("domain") or ""
    if len(domain) > DOMAIN_LIMIT:
        raise InvalidRequest(
            f"brand.domain is longer than {DOMAIN_LIMIT} characters.",
            field="brand.domain",
            suggestion="Send the brand's own domain.",
        )
    return str(domain)


def _reference(params: Mapping[str, Any], keys: tuple[str, ...], prefix: str) -> str:
    """Return the first of: the field itself, `ext`, a namespace of `ext`, `context`.

    What the buyer keeps in `ext` and `context` is its own business: what is no reference there is
    passed over, and only the field itself can be wrong.
    """
    for key in keys:
        if params.get(key) is not None:
            return _stated(params[key], f"{prefix}{key}")
    ext, context = _object(params.get("ext")), _object(params.get("context"))
    namespaces = [value for value in ext.values() if isinstance(value, Mapping)]
    for place in (ext, *namespaces, context):
        for key in keys:
            if _is_reference(place.get(key)):
                return str(place[key])
    return ""


def _stated(value: Any, field: str) -> str:
    if not _is_reference(value):
        raise InvalidRequest(
            f"{field} is not a text of 1 to {REFERENCE_LIMIT} characters.",
            field=field,
            suggestion="Send a shorter text, or leave it out.",
        )
    return str(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= REFERENCE_LIMIT


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def invoice_recipient(params: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Return who is invoiced, without bank details, and those as JSON text that is encrypted.

    The protocol's schema has judged the entity; None and an empty text where there is none.
    """
    entity = params.get("invoice_recipient")
    if not entity:
        return None, ""
    bank = entity.get("bank")
    shown = {key: value for key, value in entity.items() if key != "bank"}
    return shown, json.dumps(bank) if bank else ""


def governance_context(params: Mapping[str, Any]) -> str:
    """Return the governance agent's token verbatim, or raise `InvalidRequest` for what is none."""
    token = params.get("governance_context")
    if token is None:
        return ""
    if not isinstance(token, str) or not GOVERNANCE_CONTEXT.fullmatch(token):
        raise InvalidRequest(
            "governance_context is not a token of 1 to 4096 printable ASCII characters.",
            field="governance_context",
            suggestion="Send the token as the governance agent gave it, or leave it out.",
        )
    return token


def check_plan(params: Mapping[str, Any], *, account: Account, is_required: bool) -> None:
    """Refuse an order without `plan_id` on an account that has a governance agent.

    `is_required` is the deployment's setting; without it an order with no plan is not governed.
    """
    if is_required and account.governance_agents and not params.get("plan_id"):
        raise InvalidRequest(
            "This account has a governance agent, so an order names its campaign plan.",
            field="plan_id",
            suggestion="Send the plan_id that the governance agent knows the campaign by.",
        )
