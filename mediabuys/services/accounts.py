"""Accounts as buyers declare them: provisioned by natural key, refined by reference."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from mediabuys.errors import AccountNotFound, TradeError, UnsupportedFeature
from mediabuys.models.accounts import Account, AccountAccess, Principal, Publisher
from mediabuys.selectors.accounts import account_for, natural_key
from mediabuys.states import ENDED_ACCOUNT_STATUSES

SUPPORTED_BILLING = ("operator", "advertiser")
SUPPORTED_PAYMENT_TERMS = ("net_30", "net_45", "net_60", "prepay")


@dataclass(frozen=True)
class SyncedAccount:
    """An entry's account and what happened to it: created, updated or unchanged."""

    account: Account
    action: str
    warnings: tuple[str, ...] = field(default=())


def account_sync(
    *, principal: Principal, entry: Mapping[str, Any], publisher: Publisher
) -> SyncedAccount:
    """Provision the account of one schema-valid `sync_accounts` entry, or update its settings.

    Raises TradeError with `field` relative to the entry; then nothing of the entry was written.
    Runs in the caller's transaction; two agents naming one brand get two accounts.
    """
    _refuse_unsupported(entry)
    with transaction.atomic():
        if "account" in entry:
            return _settings_updated(principal, entry)
        return _provisioned(principal, entry, publisher)


def _refuse_unsupported(entry: Mapping[str, Any]) -> None:
    if entry.get("notification_configs"):
        raise UnsupportedFeature(
            "Account-level notification subscriptions are not offered.",
            field="notification_configs",
            suggestion="Leave notification_configs out, and poll or register a webhook per order.",
        )
    if "billing" in entry:
        _refuse_billing(entry["billing"])
    _refuse_payment_terms(entry.get("payment_terms"))


def _refuse_billing(billing: str) -> None:
    if billing not in SUPPORTED_BILLING:
        raise TradeError(
            "This publisher does not bill that party.",
            code="BILLING_NOT_SUPPORTED",
            field="billing",
            details={"scope": "capability", "supported_billing": list(SUPPORTED_BILLING)},
        )


def _refuse_payment_terms(terms: str | None) -> None:
    if terms is not None and terms not in SUPPORTED_PAYMENT_TERMS:
        raise TradeError(
            "This publisher does not offer those payment terms.",
            code="PAYMENT_TERMS_NOT_SUPPORTED",
            field="payment_terms",
            details={"supported_payment_terms": list(SUPPORTED_PAYMENT_TERMS)},
        )


def _provisioned(
    principal: Principal, entry: Mapping[str, Any], publisher: Publisher
) -> SyncedAccount:
    brand = entry["brand"]
    existing = (
        Account.objects.select_for_update().filter(natural_key(entry), owner=principal).first()
    )
    if existing is not None:
        return _refined(existing, entry)
    account, created = Account.objects.get_or_create(
        owner=principal,
        brand_domain=brand["domain"],
        brand_id=brand.get("brand_id", ""),
        operator_domain=entry["operator"],
        sandbox=bool(entry.get("sandbox", False)),
        defaults={
            "publisher": publisher,
            "name": _name(entry),
            "billing": entry["billing"],
            "currency": publisher.currency,
            "billing_entity": _storable_entity(entry),
            **_terms(entry),
        },
    )
    if not created:
        return _refined(account, entry)
    AccountAccess.objects.create(account=account, principal=principal)
    return SyncedAccount(account, "created", _warnings(entry))


def _settings_updated(principal: Principal, entry: Mapping[str, Any]) -> SyncedAccount:
    try:
        account = account_for(principal=principal, ref=entry["account"], lock=True)
    except AccountNotFound as error:
        if "account_id" in entry["account"]:
            raise
        raise TradeError(
            "An entry with account updates an account that exists; it never creates one.",
            code="UNSUPPORTED_PROVISIONING",
            field="account",
            suggestion="Declare the account by brand, operator and billing first.",
        ) from error
    return _refined(account, entry)


def _refined(account: Account, entry: Mapping[str, Any]) -> SyncedAccount:
    wanted: dict[str, Any] = _terms(entry)
    if "billing" in entry:
        wanted["billing"] = entry["billing"]
    if "billing_entity" in entry:
        wanted["billing_entity"] = _storable_entity(entry)
    changed = [name for name, value in wanted.items() if getattr(account, name) != value]
    if not changed or account.status in ENDED_ACCOUNT_STATUSES:
        return SyncedAccount(account, "unchanged", _warnings(entry))
    for name in changed:
        setattr(account, name, wanted[name])
    account.save(update_fields=[*changed, "updated_at"])
    return SyncedAccount(account, "updated", _warnings(entry))


def _terms(entry: Mapping[str, Any]) -> dict[str, str]:
    return {"payment_terms": entry["payment_terms"]} if "payment_terms" in entry else {}


def _storable_entity(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    entity = entry.get("billing_entity")
    return {key: value for key, value in entity.items() if key != "bank"} if entity else None


def _warnings(entry: Mapping[str, Any]) -> tuple[str, ...]:
    if "bank" in (entry.get("billing_entity") or {}):
        return ("Bank details are not kept here; the publisher's finance team asks for them.",)
    return ()


def _name(entry: Mapping[str, Any]) -> str:
    brand = entry["brand"]
    label = (
        brand["domain"]
        if not brand.get("brand_id")
        else (f"{brand['brand_id']} ({brand['domain']})")
    )
    through = entry["operator"]
    suffix = "" if through == brand["domain"] else f" via {through}"
    return f"{label}{suffix}{' (sandbox)' if entry.get('sandbox') else ''}"[:200]
