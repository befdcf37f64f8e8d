"""DRF's renderer over orjson."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer

from adcp_sales.protocol.rendering import dump_json


class OrjsonRenderer(BaseRenderer):
    """Renders answers as `application/json`, whatever the Accept header prefers."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 (DRF's signature)
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> bytes:
        return b"" if data is None else dump_json(data)
