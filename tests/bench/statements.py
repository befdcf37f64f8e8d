"""Counting what a call says to the database."""

import re
from collections import Counter
from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

WRITE = re.compile(r'\s*(INSERT INTO|UPDATE) "?(?P<table>\w+)"?')


def statements(run: Callable[[], object]) -> list[str]:
    """Return every statement of one run, those that begin and end transactions left out."""
    with CaptureQueriesContext(connection) as captured:
        run()
    texts = [query["sql"] for query in captured.captured_queries]
    return [
        text for text in texts if not text.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
    ]


def writes(run: Callable[[], object]) -> Counter[str]:
    """Return which tables one run wrote to, and how often."""
    found = (WRITE.match(text) for text in statements(run))
    return Counter(match["table"] for match in found if match)


def require_same_writes(ours: Callable[[], object], bare: Callable[[], object]) -> None:
    """Raise RuntimeError unless both write to the same tables: else the ratio means nothing."""
    our_tables, bare_tables = set(writes(ours)), set(writes(bare))
    if our_tables != bare_tables:
        raise RuntimeError(f"The bare twin writes {bare_tables}, and we write {our_tables}.")
