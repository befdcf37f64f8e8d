"""What can go wrong with an approval; the desk shows these in words."""

from mediabuys.errors import TradeError


class ApprovalError(TradeError):
    """A decision that was refused; nothing was changed."""


class TaskNotFound(ApprovalError):
    code = "REFERENCE_NOT_FOUND"


class AlreadyDecided(ApprovalError):
    """Somebody, or the clock, was first; the message says who decided what and when."""

    code = "CONFLICT"


class ShownStale(ApprovalError):
    """The order moved since the page was shown."""

    code = "CONFLICT"


class NotPermitted(ApprovalError):
    code = "PERMISSION_DENIED"


class ReasonRequired(ApprovalError):
    code = "VALIDATION_ERROR"


class NoLongerValid(ApprovalError):
    """The order cannot be approved any more, such as after the end of its flight."""

    code = "INVALID_STATE"


class BeingDecided(ApprovalError):
    """Somebody else holds the order's row longer than a person should wait."""

    code = "CONFLICT"
