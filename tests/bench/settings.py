"""The product as it is served, with the tests' keys, beside one bare Django view."""

import base64

from adcp_sales.settings import base
from adcp_sales.settings.test import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
RESPONSE_VALIDATION = base.RESPONSE_VALIDATION
TOKEN_CACHE_SECONDS = base.TOKEN_CACHE_SECONDS
# The web server and the benchmark are two processes, and read one another's rows.
FIELD_ENCRYPTION_KEYS = [base64.urlsafe_b64encode(bytes(range(32))).decode()]
