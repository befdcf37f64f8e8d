"""What a desk page's address carries back: whole numbers, and where the next page begins.

Anybody can type an address: what cannot be meant is None here, and never an error below.
"""

from datetime import UTC, datetime, timedelta

Position = tuple[datetime, int]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# The most digits of which every number fits into PostgreSQL's bigint.
DIGITS = 18


def whole_number(text: str, *, digits: int = DIGITS) -> int | None:
    """Return the number that ASCII digits spell, None for other text or for more digits."""
    if not (text.isascii() and text.isdigit()) or len(text) > digits:
        return None
    return int(text)


def cursor_at(position: Position) -> str:
    """Return the cursor of a row in lists that are ordered by a time and the row's key."""
    moment, pk = position
    return f"{(moment - EPOCH) // MICROSECOND}-{pk}"


def position_of(cursor: str) -> Position | None:
    """Return the position that a cursor names; None for what `cursor_at` never wrote."""
    moment, _, key = cursor.partition("-")
    since, pk = whole_number(moment), whole_number(key)
    if since is None or pk is None:
        return None
    try:
        return EPOCH + since * MICROSECOND, pk
    except OverflowError:
        return None
