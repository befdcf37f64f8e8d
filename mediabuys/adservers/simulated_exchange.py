"""One question over HTTP to the simulated ad server, and what its answer means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import orjson

from mediabuys.adservers.port import (
    AdServerError,
    AdServerRefused,
    AdServerUnavailable,
    OrderDeclined,
)
from mediabuys.adservers.simulated_answers import plain
from webhooks import addresses, transport
from webhooks.conf import Limits
from webhooks.errors import DestinationRefused, EgressRefused, TransportFailed, TransportTimedOut

# Three times the largest page.
ANSWER_BYTES = 8_000_000
CONNECT_SECONDS = 5


class NotFound(AdServerRefused):
    """The ad server knows nothing under the reference."""


@dataclass(frozen=True)
class Exchange:
    """Where the ad server is, who we are there, and how many seconds one answer may take."""

    url: str
    # Error pages show what is at hand.
    token: str = field(repr=False)
    patience: float

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> object:
        """Send one question and return the JSON of its answer, None where that is no JSON.

        Raises only errors of the port, for any other than the expected status: `OrderDeclined`
        for 409 and `AdServerRefused` for 422 and 404 where the answer says so in the API's own
        words, `AdServerUnavailable` for all else and for no answer.
        """
        answer = self._send(method, path + _query(query), body)
        said = _json(answer.body)
        if answer.status != status:
            raise self._error(answer.status, said)
        return said

    def tell(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> None:
        """Send what is answered with nothing but "done"; raises as `ask` does."""
        self.ask(method, path, body=body, status=HTTPStatus.NO_CONTENT)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> transport.Response:
        try:
            policy = addresses.operator(self.url)
        except DestinationRefused as error:
            raise AdServerUnavailable("The ad server's address is not set up.") from error
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            return transport.request(
                method=method,
                url=self.url.rstrip("/") + path,
                headers=headers,
                body=None if body is None else orjson.dumps(body),
                policy=policy,
                limits=self._limits(),
            )
        except EgressRefused as error:
            # Its own origin is never refused; what is left is a name of thousands of characters.
            raise AdServerRefused("The name is too long for the ad server.") from error
        except TransportTimedOut as error:
            raise AdServerUnavailable("The ad server did not answer in time.") from error
        except TransportFailed as error:
            raise AdServerUnavailable("The ad server cannot be reached.") from error

    def _limits(self) -> Limits:
        return Limits(
            connect_seconds=min(CONNECT_SECONDS, self.patience),
            read_seconds=self.patience,
            total_seconds=self.patience,
            response_bytes=ANSWER_BYTES,
        )

    def _error(self, status: int, said: object) -> AdServerError:
        """Return the port's error for an answer that was not the expected one.

        Failure policy: an order ends only when the ad server itself says no. A proxy's 404 or the
        401 of some login page is not its word, and is asked again. So is its own 401: the operator
        mends a token within the attempts that an order has, and no order is lost for it.
        """
        error = said.get("error") if isinstance(said, dict) else None
        told = error if isinstance(error, dict) else {}
        match status, told.get("code"):
            case HTTPStatus.CONFLICT, "declined":
                return OrderDeclined(self._words(told) or "The ad server declined the order.")
            case HTTPStatus.UNPROCESSABLE_ENTITY, "refused":
                return AdServerRefused(self._words(told) or "The ad server refused the call.")
            case HTTPStatus.NOT_FOUND, "not_found":
                return NotFound("The ad server does not know the reference.")
            case HTTPStatus.UNAUTHORIZED, "unauthorized":
                return AdServerUnavailable("The ad server does not accept our credentials.")
        return AdServerUnavailable(f"The ad server answered with HTTP {status}.")

    def _words(self, error: Mapping[str, Any]) -> str:
        """Return the ad server's own words; none where they repeat our credentials."""
        message = error.get("message")
        return plain(message) if isinstance(message, str) and self.token not in message else ""


def _query(query: Mapping[str, Any] | None) -> str:
    return f"?{urlencode(query, doseq=True)}" if query else ""


def _json(body: bytes) -> object:
    try:
        # PostgreSQL stores no NUL, and the ad server must not decide whether we can.
        return orjson.loads(body.replace(b"\\u0000", b"\\ufffd"))
    except ValueError:
        return None
