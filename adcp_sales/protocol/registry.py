"""The tasks that exist: one `TaskSpec` each, found in `protocol/usecases/`.

Capabilities, the REST paths, OpenAPI and every other list of tasks are made from this registry, so
a new task is one module there that defines `TASKS`.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Literal

from mediabuys.models.accounts import Account, Principal, Publisher
from mediabuys.selectors.catalog import the_publisher

Access = Literal["public", "read", "write"]
AccountUse = Literal["required", "optional", "none"]

# What an older surface's body adds to a refusal, from the protocol's error object.
ErrorBody = Callable[[Mapping[str, Any]], dict[str, Any]]

# Account statuses in which a task may run: the gating matrix of the seller contract, 1.1.
BUYING = frozenset({"active"})
MANAGING = frozenset({"active", "payment_required"})
READING = frozenset({"active", "payment_required", "suspended"})
ANY_STATUS = frozenset(
    {"active", "payment_required", "suspended", "pending_approval", "rejected", "closed"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authenticated, validated call; `params` is the body as the buyer sent it."""

    task: str
    called_as: str
    params: dict[str, Any]
    principal: Principal | None
    account: Account | None
    now: datetime
    transport: str = "rest"
    idempotency_key: str | None = None
    context: dict[str, Any] | None = None

    def require_principal(self) -> Principal:
        """Return the caller of a task that is not public."""
        if self.principal is None:
            raise RuntimeError(f"{self.task} ran without a principal.")
        return self.principal

    def require_account(self) -> Account:
        """Return the account of a task whose spec says `account="required"`."""
        if self.account is None:
            raise RuntimeError(f"{self.task} ran without an account.")
        return self.account

    def publisher(self) -> Publisher:
        """Return the publisher, which an account came with; one query where none is named."""
        return self.account.publisher if self.account else the_publisher()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a use case answers: the inner body, without envelope fields.

    `status` is the task status at the root of the answer; `retry_after` (seconds) becomes the
    `Retry-After` header.
    """

    body: dict[str, Any]
    status: str = "completed"
    retry_after: int | None = None


# The parameters as AdCP has them, from those of an older surface.
Adapter = Callable[[dict[str, Any], Principal | None], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task: who may call it, what validates it and what runs it.

    `schema` names an AdCP task of the `adcp` package's JSON Schemas, or is our own request schema
    for a task that AdCP does not have (then `response_schema` is given too). With `locks_account`
    the account's row is locked inside the transaction of an idempotent task.

    `paths` are the REST paths where it is not `adcp/<name>` and its aliases. `adapt` turns an older
    surface's parameters into those that `schema` describes, before they are validated; it may raise
    a refusal. `error_body` adds what an older surface's callers read of a refusal, from its error
    object.
    """

    name: str
    run: Callable[[Call], Reply]
    access: Access
    summary: str
    schema: str | Mapping[str, Any]
    response_schema: str | Mapping[str, Any] | None = None
    aliases: tuple[str, ...] = ()
    account: AccountUse = "none"
    account_statuses: frozenset[str] = READING
    idempotent: bool = False
    locks_account: bool = False
    protocol: str = "media-buy"
    paths: tuple[str, ...] = ()
    adapt: Adapter | None = None
    error_body: ErrorBody | None = None
    example: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rest_paths(self) -> tuple[str, ...]:
        """Where REST serves the task, without the leading slash."""
        return self.paths or tuple(f"adcp/{name}" for name in (self.name, *self.aliases))

    @property
    def is_legacy(self) -> bool:
        """Whether the task belongs to an older surface, and is no AdCP task."""
        return any(path.startswith("legacy/") for path in self.rest_paths)


@cache
def task_specs() -> dict[str, TaskSpec]:
    """Return every task by its name, in alphabetical order."""
    return dict(sorted((spec.name, spec) for spec in _discovered()))


@cache
def _specs_by_any_name() -> dict[str, TaskSpec]:
    names: dict[str, TaskSpec] = {}
    for spec in task_specs().values():
        for name in (spec.name, *spec.aliases):
            if name in names:
                raise RuntimeError(f"Two tasks are called {name}.")
            names[name] = spec
    return names


def task_spec(name: str) -> TaskSpec | None:
    """Return the task of this name or alias."""
    return _specs_by_any_name().get(name)


def task_names() -> list[str]:
    """Return every name under which a task can be called, aliases included."""
    return sorted(_specs_by_any_name())


def _discovered() -> Iterator[TaskSpec]:
    package = importlib.import_module("adcp_sales.protocol.usecases")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield from getattr(importlib.import_module(module.name), "TASKS", ())
