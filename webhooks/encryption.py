"""A text column that is unreadable in the database and in its backups."""

from functools import cache
from typing import NoReturn

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models
from django.db.models import Lookup


def encrypt(text: str) -> str:
    """Return `text` under the first of FIELD_ENCRYPTION_KEYS; the empty text stays empty."""
    return _cipher().encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str:
    """Return what `encrypt` was given, whichever of the keys it was written with.

    Raises `cryptography.fernet.InvalidToken` when none of the keys opens it.
    """
    return _cipher().decrypt(stored.encode()).decode() if stored else ""


def _cipher() -> MultiFernet:
    return _cipher_of(tuple(settings.FIELD_ENCRYPTION_KEYS))


@cache
def _cipher_of(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS is empty: a secret cannot be stored.")
    return MultiFernet([Fernet(key) for key in keys])


class EncryptedTextField(models.TextField):
    """Text that is encrypted on its way to the database.

    The same text never encrypts alike twice, so it cannot be searched for or made unique: keep a
    digest in a column beside it.
    """

    def get_prep_value(self, value: object) -> object:
        prepared = super().get_prep_value(value)
        return encrypt(prepared) if isinstance(prepared, str) else prepared

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return None if value is None else decrypt(value)

    def get_lookup(self, lookup_name: str) -> type[Lookup] | None:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is encrypted and cannot be searched.")
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> NoReturn:
        raise FieldError(f"{self.name} is encrypted and has no {lookup_name}.")
