"""One call and its answer, and the table of what can be called."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mediabuys.adservers.simulated.bodies import REFERENCE_CHARACTERS, Body, known_name
from mediabuys.adservers.simulated.problems import NotFound, Refused
from mediabuys.adservers.simulated.simulator import Simulator

NAME = "*"


@dataclass(frozen=True)
class Call:
    """A call: the names in its address, its query and its body."""

    names: tuple[str, ...]
    query: dict[str, list[str]]
    content: bytes

    @property
    def reference(self) -> str:
        """The name in the address."""
        return self.names[0]

    def body(self) -> Body:
        """Return the JSON object that was sent."""
        try:
            return Body(json.loads(self.content, parse_constant=_no_constant))
        except (ValueError, RecursionError) as error:
            raise Refused("The body must be JSON.") from error

    def words(self, name: str) -> list[str]:
        """Return every value of a query parameter."""
        return self.query.get(name, [])

    def word(self, name: str, default: str = "") -> str:
        """Return the value of a query parameter."""
        values = self.words(name)
        if len(values) > 1 or len(default.join(values)) > REFERENCE_CHARACTERS:
            raise Refused(f"{name} must be given once, and be short.")
        return values[0] if values else default

    def number(self, name: str, *, high: int, default: int, low: int = 1) -> int:
        """Return a whole number of the query."""
        text = self.word(name, str(default))
        if not text.isdecimal() or len(text) > len(str(high)) or not low <= int(text) <= high:
            raise Refused(f"{name} must be a whole number from {low} to {high}.")
        return int(text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


@dataclass(frozen=True)
class Answer:
    """What is answered: a status, and JSON if there is any."""

    status: int = 200
    body: dict[str, Any] | None = None


NOTHING = Answer(204)
Handler = Callable[[Simulator, Call], Answer]


@dataclass(frozen=True)
class Route:
    """A method and an address, in which `*` stands for any name."""

    method: str
    address: str
    handler: Handler


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    """Return who handles the call, and the names in its address; raises NotFound."""
    parts = path.split("/")
    for route in routes:
        pattern = route.address.split("/")
        if route.method == method and len(pattern) == len(parts):
            pairs = list(zip(pattern, parts, strict=True))
            if all(wanted in (NAME, part) for wanted, part in pairs):
                return route.handler, tuple(_name(part) for wanted, part in pairs if wanted == NAME)
    raise NotFound("There is no such address.")


def _name(part: str) -> str:
    try:
        return known_name(unquote(part, errors="strict"))
    except UnicodeDecodeError as error:
        raise Refused("The address must be UTF-8.") from error
