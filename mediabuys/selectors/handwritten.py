"""Rows of several models from one hand-written query.

The queries of `create_media_buy` are fixed, and compiling them through the ORM costs more than
running them. Only such queries are written by hand.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

Converter = tuple[int, Any]


def columns(model: type[models.Model], alias: str) -> str:
    """Return the model's columns as a select list, in the order in which `rows` reads them."""
    return ", ".join(f'{alias}."{field.column}"' for field in _fields(model))


def rows(
    sql: str, parameters: Sequence[Any], *read: type[models.Model]
) -> Iterator[tuple[Any, ...]]:
    """Run `sql`, whose select list is the `columns` of each model in turn, and yield instances."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        found = cursor.fetchall()
    for row in found:
        instances, start = [], 0
        for model in read:
            names, converters = _shape(model)
            values = list(row[start : start + len(names)])
            for position, convert in converters:
                values[position] = convert(values[position], None, connection)
            instances.append(model.from_db(connection.alias, names, values))
            start += len(names)
        yield tuple(instances)


def _fields(model: type[models.Model]) -> Sequence["models.Field[Any, Any]"]:
    return model._meta.concrete_fields  # noqa: SLF001 (Django's documented model API)


@cache
def _shape(model: type[models.Model]) -> tuple[list[str], list[Converter]]:
    fields = _fields(model)
    converters = [
        (position, convert)
        for position, field in enumerate(fields)
        if (convert := getattr(field, "from_db_value", None)) is not None
    ]
    return [field.attname for field in fields], converters
