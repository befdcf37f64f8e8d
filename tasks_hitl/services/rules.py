"""Editing the approval rules: every edit is a new version."""

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from tasks_hitl.models import RuleVersion
from tasks_hitl.states import RuleKind


def rule_revise(
    *,
    rule_key: str,
    kind: RuleKind,
    name: str,
    parameters: dict[str, Any],
    is_enabled: bool,
    actor: User | None,
    now: datetime | None = None,
) -> RuleVersion:
    """Put a new version of a rule in force; the first version creates the rule.

    Earlier versions stay as they were, because past requests name them. The current version is
    locked, so that two editors make two versions and neither loses.
    """
    now = now or timezone.now()
    with transaction.atomic():
        current = (
            RuleVersion.objects.select_for_update()
            .filter(rule_key=rule_key, is_current=True)
            .first()
        )
        if current is not None:
            RuleVersion.objects.filter(pk=current.pk).update(is_current=False)
        return RuleVersion.objects.create(
            rule_key=rule_key,
            version=current.version + 1 if current else 1,
            kind=kind,
            name=name,
            parameters=parameters,
            is_enabled=is_enabled,
            created_by=actor,
        )
