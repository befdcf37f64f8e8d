"""What the receiver got, in memory and on request in a file."""

import base64
import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT = 500


@dataclass
class Verification:
    """What is known of the sender: verified, refused, legacy, unsigned, or still checking."""

    state: str
    detail: str = ""


@dataclass
class Record:
    """One POST as it came, and how it was answered."""

    number: int
    received_at: datetime
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    repeat: int
    verification: Verification = field(default_factory=lambda: Verification("checking"))

    @property
    def content(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def as_json(self) -> dict[str, object]:
        return {
            "number": self.number,
            "received_at": self.received_at.isoformat(),
            "path": self.path,
            "headers": self.headers,
            "body": self.content if self.content is not None else self.text,
            "body_base64": base64.b64encode(self.body).decode(),
            "status": self.status,
            "repeat": self.repeat,
            "verification": {
                "state": self.verification.state,
                "detail": self.verification.detail,
            },
        }


class Inbox:
    """Every POST since the start or the last clearing; the newest 500 are kept."""

    def __init__(self, log: Path | None, script: list[int]) -> None:
        self._records: deque[Record] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._log = log
        self._script = list(script)
        self._count = 0
        self._changes = 0

    def add(
        self, *, path: str, headers: Mapping[str, str], body: bytes, status: int | None
    ) -> Record:
        """Keep one POST, in the file too, before it is answered."""
        with self._lock:
            self._count += 1
            record = Record(
                number=self._count,
                received_at=datetime.now(UTC),
                path=path,
                headers=dict(headers),
                body=body,
                status=status or (self._script.pop(0) if self._script else 200),
                repeat=sum(_key(body) == _key(other.body) for other in self._records)
                if _key(body)
                else 0,
            )
            self._records.append(record)
            self._changes += 1
            self._append_to_log(record)
        return record

    def verified(self, record: Record, verification: Verification) -> None:
        with self._lock:
            record.verification = verification
            self._changes += 1

    def records(self, subject: str = "") -> list[Record]:
        """Return the kept records, newest first; `subject` must occur in the path or the body."""
        with self._lock:
            newest_first = list(reversed(self._records))
        return [
            record for record in newest_first if subject in record.path or subject in record.text
        ]

    def clear(self) -> None:
        with self._lock:
            self._records.clear()
            self._changes += 1

    def version(self) -> int:
        """Return a number that grows with every change, so that a page knows when to look."""
        with self._lock:
            return self._changes

    def _append_to_log(self, record: Record) -> None:
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record.as_json()) + "\n")


def _key(body: bytes) -> str:
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    return str(content.get("idempotency_key", "")) if isinstance(content, dict) else ""
