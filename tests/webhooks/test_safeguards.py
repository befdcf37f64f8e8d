"""Encryption, wake-ups and the system checks."""

import logging
from typing import NoReturn

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import transaction
from pytest_django.fixtures import Settings

from tests import wakeups as sent_wakeups
from webhooks import wakeups
from webhooks.checks import settings_are_safe
from webhooks.encryption import decrypt, encrypt
from webhooks.models import Destination

FERNET_KEYS = [Fernet.generate_key().decode() for _ in range(2)]


def test_a_secret_outlives_the_rotation_of_its_key(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = FERNET_KEYS[:1]
    stored = encrypt("secret")
    assert "secret" not in stored
    settings.FIELD_ENCRYPTION_KEYS = FERNET_KEYS[::-1]
    assert decrypt(stored) == "secret"
    settings.FIELD_ENCRYPTION_KEYS = FERNET_KEYS[1:]
    with pytest.raises(InvalidToken):
        decrypt(stored)


def test_without_a_key_no_secret_is_stored(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    with pytest.raises(ImproperlyConfigured):
        encrypt("secret")
    assert encrypt("") == ""


def test_an_encrypted_column_cannot_be_searched() -> None:
    with pytest.raises(FieldError, match="cannot be searched"):
        Destination.objects.filter(credentials="secret")


calls: list[str] = []


def broken_sender(name: str) -> NoReturn:
    calls.append(name)
    raise ConnectionError("the broker is down")


@pytest.fixture
def _quiet_is_over() -> None:
    wakeups._Broker.quiet_until = 0.0
    calls.clear()
    sent_wakeups.sent.clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_quiet_is_over")
def test_a_broken_broker_is_logged_forgotten_and_left_alone_for_a_moment(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a broker that is down
    settings.WAKEUP_SENDER = "tests.webhooks.test_safeguards.broken_sender"
    # When two changes are committed
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with transaction.atomic():
                wakeups.nudge("webhooks.dispatch")
    # Then neither fails, and only the first one paid for it
    assert calls == ["webhooks.dispatch"]
    assert [record.message for record in caplog.records] == [
        "wake-up webhooks.dispatch was not sent"
    ]
    # And when it is back, wake-ups are sent again
    settings.WAKEUP_SENDER = "tests.wakeups.record"
    wakeups._Broker.quiet_until = 0.0
    with transaction.atomic():
        wakeups.nudge("tasks_hitl.book", "bk_1")
        assert sent_wakeups.sent == []
    assert sent_wakeups.sent == [("tasks_hitl.book", "bk_1")]


def ids() -> list[str | None]:
    return [message.id for message in settings_are_safe(None)]


def test_the_tests_own_settings_are_safe() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("WEBHOOK_LEASE_SECONDS", 20, ["webhooks.E003"]),
        ("WEBHOOK_LEASE_SECONDS", 21, []),
        ("WEBHOOK_RETRY_HORIZON_SECONDS", 86_399, ["webhooks.E005"]),
        ("WEBHOOK_RETRY_HORIZON_SECONDS", 604_800, []),
        ("WEBHOOK_RETRY_HORIZON_SECONDS", 604_801, ["webhooks.E005"]),
    ],
)
def test_numbers_that_break_the_promises_are_refused(
    settings: Settings, name: str, value: int, expected: list[str]
) -> None:
    setattr(settings, name, value)
    assert ids() == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ALLOW_PRIVATE_DESTINATIONS", True, ["webhooks.E006"]),
        ("WEBHOOK_SIGNING_KEY", "", ["webhooks.E008"]),
        ("WEBHOOK_SIGNING_KEY", "not a key", ["webhooks.E008"]),
        ("FIELD_ENCRYPTION_KEYS", [], ["webhooks.E009"]),
        ("FIELD_ENCRYPTION_KEYS", ["short"], ["webhooks.E009"]),
    ],
)
def test_production_refuses_what_is_unsafe_there(
    settings: Settings, name: str, value: object, expected: list[str]
) -> None:
    settings.PRODUCTION = True
    settings.ALLOW_PRIVATE_DESTINATIONS = False
    assert ids() == []
    setattr(settings, name, value)
    assert ids() == expected
    settings.PRODUCTION = False
    assert ids() == []
