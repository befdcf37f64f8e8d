"""Tests: the same product on a throw-away database, with fixed keys."""

from cryptography.fernet import Fernet

from adcp_sales.settings.base import *  # noqa: F403

SECRET_KEY = "test-only"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
ALLOW_PRIVATE_DESTINATIONS = True
FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
# An Ed25519 key made for the tests alone.
WEBHOOK_SIGNING_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIEVkZckCSErk09Qrk7N8g+0vIFjw7tPA+WHrIzXgwZf7
-----END PRIVATE KEY-----"""
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
WAKEUP_SENDER = "tests.wakeups.record"
TOKEN_CACHE_SECONDS = 0
RESPONSE_VALIDATION = "always"
