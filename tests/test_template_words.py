"""Every status that a template names literally exists."""

import re
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db.models import Choices

from mediabuys.states import (
    AccountStatus,
    BookingStatus,
    BuyStatus,
    CreativeStatus,
    PrincipalStatus,
    ProposalStatus,
)
from tasks_hitl.states import Outcome, QueueState, TaskStatus
from webhooks.states import DeliveryStatus

ROOT = Path(settings.BASE_DIR)
COMPARED_FIELDS = frozenset({"status", "queue_state", "outcome"})
# What a template compares: the owner's name in templates, and the words that it can have.
TEMPLATE_WORDS: dict[str, type[Choices]] = {
    "task.status": TaskStatus,
    "task.queue_state": QueueState,
    "buy.status": BuyStatus,
    "booking.status": BookingStatus,
    "creative.status": CreativeStatus,
    "account.status": AccountStatus,
    "principal.status": PrincipalStatus,
    "proposal.status": ProposalStatus,
    "row.status": DeliveryStatus,
    "decision.outcome": Outcome,
    "outcome": Outcome,
}
COMPARISON = re.compile(r"""([\w.]+)\s*(?:==|!=)\s*["']([^"']*)["']""")
LINKED_STATUS = re.compile(
    r"""["']admin:(\w+?)_(\w+?)_changelist["'] %}\?(status|queue_state)(?:__exact)?=(\w+)"""
)


def template_sources() -> list[tuple[str, str]]:
    paths = sorted(path for path in (ROOT / "templates").rglob("*") if path.is_file())
    texts = [path for path in paths if path.suffix in {".html", ".txt"}]
    return [(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in texts]


def test_templates_compare_with_words_that_exist() -> None:
    compared = [
        (path, name, word)
        for path, text in template_sources()
        for name, word in COMPARISON.findall(text)
        if name.rsplit(".", 1)[-1] in COMPARED_FIELDS
    ]

    unknown = [(path, name, word) for path, name, word in compared if word not in _words_of(name)]
    assert unknown == []
    assert len(compared) >= 10


def _words_of(name: str) -> list[str]:
    owner = ".".join(name.split(".")[-2:])
    return TEMPLATE_WORDS[owner].values


def test_templates_link_to_lists_by_words_that_exist() -> None:
    links = [
        (path, *found) for path, text in template_sources() for found in LINKED_STATUS.findall(text)
    ]

    unknown = [
        (path, word)
        for path, label, model, field, word in links
        if word not in dict(apps.get_model(label, model)._meta.get_field(field).flatchoices)
    ]
    assert unknown == []
    assert len(links) >= 1
