"""The simulator's one file: an SQLite database that survives a kill at any moment."""

import queue
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 30.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
  number INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL UNIQUE,
  advertiser TEXT NOT NULL, start_time INTEGER NOT NULL, end_time INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('draft', 'confirmed', 'canceled')),
  revision INTEGER NOT NULL, is_paused INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS lines (
  number INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL REFERENCES orders (reference),
  package_id TEXT NOT NULL, product_id TEXT NOT NULL, pricing_model TEXT NOT NULL,
  unit_price TEXT, budget TEXT NOT NULL, currency TEXT NOT NULL,
  start_time INTEGER NOT NULL, end_time INTEGER NOT NULL, impressions INTEGER,
  is_guaranteed INTEGER NOT NULL, is_paused INTEGER NOT NULL, pacing TEXT NOT NULL,
  countries TEXT NOT NULL, creatives TEXT NOT NULL, is_canceled INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0, spent INTEGER NOT NULL DEFAULT 0,
  remainder INTEGER NOT NULL DEFAULT 0,
  told_impressions INTEGER NOT NULL DEFAULT 0, told_spend INTEGER NOT NULL DEFAULT 0,
  UNIQUE (reference, package_id)
);
CREATE INDEX IF NOT EXISTS lines_by_end ON lines (end_time);
CREATE TABLE IF NOT EXISTS reservations (
  reference TEXT NOT NULL, package_id TEXT NOT NULL, product_id TEXT NOT NULL, day TEXT NOT NULL,
  country TEXT NOT NULL, impressions INTEGER NOT NULL,
  PRIMARY KEY (reference, package_id, day, country)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reservations_by_day ON reservations (product_id, day);
CREATE TABLE IF NOT EXISTS products (product_id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS contention (
  product_id TEXT NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, country TEXT NOT NULL,
  impressions_per_day INTEGER NOT NULL, PRIMARY KEY (product_id, first, last, country)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS creatives (
  reference TEXT PRIMARY KEY, revision INTEGER NOT NULL, advertiser TEXT NOT NULL,
  name TEXT NOT NULL, format_id TEXT NOT NULL, assets TEXT NOT NULL,
  review TEXT NOT NULL CHECK (review IN ('pending', 'approved', 'rejected')),
  reason TEXT NOT NULL, pushed_at INTEGER NOT NULL, changed INTEGER NOT NULL UNIQUE
);
CREATE INDEX IF NOT EXISTS creatives_pending ON creatives (pushed_at) WHERE review = 'pending';
CREATE TABLE IF NOT EXISTS delivery (
  reference TEXT NOT NULL, package_id TEXT NOT NULL, hour INTEGER NOT NULL,
  creative TEXT NOT NULL, country TEXT NOT NULL, currency TEXT NOT NULL,
  impressions INTEGER NOT NULL, clicks INTEGER NOT NULL, views INTEGER NOT NULL,
  spend INTEGER NOT NULL,
  base_impressions INTEGER NOT NULL DEFAULT 0, base_clicks INTEGER NOT NULL DEFAULT 0,
  base_views INTEGER NOT NULL DEFAULT 0, base_spend INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 1, changed INTEGER NOT NULL,
  PRIMARY KEY (reference, package_id, hour, creative, country)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_changed ON delivery (changed);
CREATE TABLE IF NOT EXISTS forced_rows (changed INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""
TABLES = (
    *("settings", "reservations", "lines", "orders", "products", "contention", "creatives"),
    # The last is SQLite's own: it counts orders and lines.
    *("delivery", "forced_rows", "sqlite_sequence"),
)


class Store:
    """The file; its transactions are the only way to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        # SQLite lets writers wait by polling; among our own threads a lock passes on at once.
        self._turn = threading.Lock()
        connection = self._connect()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        self._idle.put(connection)
        with self.writing() as db:
            begin_epoch(db)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a transaction that sees one moment of the file and writes nothing."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block as the only writer; everything in it counts, or nothing."""
        with self._turn, self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file; transactions that run must have ended."""
        while not self._idle.empty():
            self._idle.get().close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._idle.put(connection)


def begin_epoch(db: sqlite3.Connection) -> None:
    """Name this life of the file, where it has no name yet: cursors of an earlier one are void."""
    db.execute("INSERT OR IGNORE INTO settings VALUES ('epoch', ?)", [secrets.token_hex(4)])


def clear(db: sqlite3.Connection) -> None:
    """Forget everything; a new life of the file begins."""
    for table in TABLES:
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
    begin_epoch(db)


def setting(db: sqlite3.Connection, name: str, default: str = "") -> str:
    """Return a setting as text."""
    row = db.execute("SELECT value FROM settings WHERE name = ?", [name]).fetchone()
    return default if row is None else str(row["value"])


def keep(db: sqlite3.Connection, name: str, value: object) -> None:
    """Write a setting."""
    db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", [name, str(value)])


def next_numbers(db: sqlite3.Connection, count: int = 1) -> int:
    """Take `count` numbers of the one order of all changes; return the first."""
    first = int(setting(db, "changes", "0")) + 1
    keep(db, "changes", first + count - 1)
    return first
