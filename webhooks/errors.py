"""What can go wrong when a message leaves the house."""


class WebhooksError(Exception):
    """The root of this app's errors; its text is safe to show to the counterparty."""


class DestinationRefused(WebhooksError):
    """A URL that may not be registered: decided from its text alone, without the network."""


class EgressRefused(WebhooksError):
    """A connection that our rules forbid, decided after the name was resolved."""


class TransportFailed(WebhooksError):
    """The other side could not be reached or did not speak HTTP."""

    def __init__(self, classification: str) -> None:
        super().__init__(classification)
        self.classification = classification


class TransportTimedOut(TransportFailed):
    """The other side took longer than it is given."""
