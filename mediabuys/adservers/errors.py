"""What can go wrong at an ad server: the only errors that an adapter may raise."""


class AdServerError(Exception):
    """Something went wrong at the ad server; `code` and the message are for the buyer too."""

    code = "SERVICE_UNAVAILABLE"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AdServerUnavailable(AdServerError):
    """Retryable: it did not answer, answered that it cannot now, or was not understood."""


class AdServerRefused(AdServerError):
    """Terminal for technical reasons: asking again cannot help."""

    code = "CONFIGURATION_ERROR"


class OrderDeclined(AdServerError):
    """Terminal by its own decision: it will not run this order, or this change of it."""

    code = "PRODUCT_UNAVAILABLE"
