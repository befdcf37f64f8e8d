"""DRF's parser over our strict JSON."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from adcp_sales.protocol.errors import AdcpError
from adcp_sales.protocol.strict_json import parse_object

DRAIN_CHUNK_BYTES = 65_536
DRAIN_CHUNKS = 128


class StrictJSONParser(BaseParser):
    """Reads one JSON object of at most REQUEST_BODY_LIMIT_BYTES."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,  # noqa: ARG002 (DRF's signature)
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        limit = settings.REQUEST_BODY_LIMIT_BYTES
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            _drain(stream)
            raise body_too_large(limit)
        return parse_object(raw)


def _drain(stream: IO[bytes]) -> None:
    """Read on for a while: a peer that still sends would miss an early answer."""
    for _ in range(DRAIN_CHUNKS):
        if not stream.read(DRAIN_CHUNK_BYTES):
            return


def body_too_large(limit: int) -> AdcpError:
    """Return the refusal of a body over the limit."""
    return AdcpError(
        "INVALID_REQUEST",
        f"The body is larger than {limit} bytes.",
        suggestion="Split the request into several.",
        http_status=413,
    )
