"""Production: the same product with the values that a public deployment needs."""

from adcp_sales.settings import env
from adcp_sales.settings.base import *  # noqa: F403

PRODUCTION = True
GOVERNANCE_REQUIRE_PLAN_ID = env.flag("GOVERNANCE_REQUIRE_PLAN_ID", default=True)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = True
# A redirect would hide that a buyer sent its token in the clear; the API answers 403 instead.
SECURE_REDIRECT_EXEMPT = [r"^adcp/", r"^legacy/", r"^mcp", r"^a2a", r"^healthz$"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
