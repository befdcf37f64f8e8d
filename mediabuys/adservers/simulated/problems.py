"""What the simulator says no with; each is one answer of the API."""


class Problem(Exception):
    """A call that is not done: HTTP status, code and a message for people."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Declined(Problem):
    """It could run such an order, and will not run this one."""

    status, code = 409, "declined"


class Refused(Problem):
    """The call makes no sense here, and will not later."""

    status, code = 422, "refused"


class TooLarge(Refused):
    """The body is larger than any order."""

    status = 413


class NotFound(Problem):
    """There is nothing of this name."""

    status, code = 404, "not_found"


class Unauthorized(Problem):
    """The token is missing or another."""

    status, code = 401, "unauthorized"
