"""DRF authentication by our bearer tokens."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from adcp_sales.protocol.auth import authenticate, invalid_token


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>` names the agent; no header leaves the call anonymous."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        header = get_authorization_header(request)
        if not header:
            return None
        scheme, _, token = header.partition(b" ")
        if scheme.lower() != b"bearer":
            raise invalid_token()
        principal = authenticate(token.strip().decode("latin-1"))
        return principal, "bearer"

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 (DRF's signature)
        return 'Bearer realm="adcp"'
