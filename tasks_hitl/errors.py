"""What can go wrong with an approval; the desk shows these in words."""

from mediabuys.errors import TradeError


class ApprovalError(TradeError):
    """A decision that was refused; nothing was changed, except where the error says so."""


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


class ChangeOutdated(ApprovalError):
    """The change could not be applied any more, and was refused: the one error that is no no-op.

    `moved` says in words what has happened to the buy since, or why it does not fit any more.
    """

    code = "CONFLICT"

    def __init__(self, message: str, *, moved: tuple[str, ...]) -> None:
        super().__init__(message)
        self.moved = moved


class BeingDecided(ApprovalError):
    """Somebody else holds the order's row longer than a person should wait."""

    code = "CONFLICT"
