"""What can go wrong in the trade, each with its AdCP code; the protocol layer maps them once."""

from collections.abc import Mapping
from typing import Any


class TradeError(Exception):
    """A refusal that the buyer can act on. Nothing was changed when it is raised.

    `field` is a path into the request (`packages[0].budget`); `suggestion` says what to do.
    """

    code = "INVALID_REQUEST"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        suggestion: str | None = None,
        details: Mapping[str, Any] | None = None,
        recovery: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.field = field
        self.suggestion = suggestion
        self.details = dict(details) if details else None
        self.recovery = recovery


class InvalidRequest(TradeError):
    code = "INVALID_REQUEST"


class AccountNotFound(TradeError):
    code = "ACCOUNT_NOT_FOUND"


class ProductNotFound(TradeError):
    code = "PRODUCT_NOT_FOUND"


class ProductUnavailable(TradeError):
    code = "PRODUCT_UNAVAILABLE"


class InventoryGone(ProductUnavailable):
    """The guaranteed inventory of an order is no longer all free."""


class BudgetTooLow(TradeError):
    code = "BUDGET_TOO_LOW"


class UnsupportedFeature(TradeError):
    code = "UNSUPPORTED_FEATURE"


class UnsupportedGranularity(TradeError):
    code = "UNSUPPORTED_GRANULARITY"


class PackageNotFound(TradeError):
    code = "PACKAGE_NOT_FOUND"


class CreativeNotFound(TradeError):
    code = "CREATIVE_NOT_FOUND"


class CreativeRejected(TradeError):
    code = "CREATIVE_REJECTED"


class InvalidState(TradeError):
    code = "INVALID_STATE"


class AccountAmbiguous(TradeError):
    code = "ACCOUNT_AMBIGUOUS"


class MediaBuyNotFound(TradeError):
    code = "MEDIA_BUY_NOT_FOUND"


class NotCancellable(TradeError):
    code = "NOT_CANCELLABLE"


class ActionNotAllowed(TradeError):
    code = "ACTION_NOT_ALLOWED"


class Conflict(TradeError):
    code = "CONFLICT"


class ChangeStale(Conflict):
    """A parked change that can no longer be applied as it was asked.

    `moved` says in words what has happened to the buy since, or why it does not fit any more.
    """

    def __init__(self, *moved: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            "The media buy has changed since this was asked for.",
            field="media_buy_id",
            suggestion="Read the media buy with get_media_buys and send the change again.",
            details=details,
        )
        self.moved = moved
