"""What the tests of the documents share."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import Model


@pytest.fixture
def raw_row() -> Callable[[type[Model], int], str]:
    """Read a row as it stands in the database, and in its backups, as one text."""

    def read(model: type[Model], pk: int) -> str:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT row_to_json(t)::text FROM {model._meta.db_table} t WHERE id = %s",  # noqa: S608
                [pk],
            )
            return str(cursor.fetchone()[0])

    return read
