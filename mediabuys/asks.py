"""What a buyer asks of a selection or a plan in words, by plain rules: no model, nothing guessed.

A clause is heard when it names a direction and something that we sell, or a budget. Everything else
is handed back as not understood.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from mediabuys.models.catalog import Product
from mediabuys.selectors.brief import CHANNEL_WORDS, EMPTY_WORDS, WORD, stem
from mediabuys.states import DeliveryType

ASK_LIMIT_CHARACTERS = 2000
QUOTED_CHARACTERS = 80
# Channels that buyers write as the protocol does; for the others see `CHANNEL_WORDS`.
PLAIN_CHANNELS = frozenset(
    {"display", "olv", "social", "search", "ctv", "radio", "podcast", "dooh", "ooh", "print"}
    | {"cinema", "email", "gaming"}
)
BETWEEN_CLAUSES = re.compile(r"[;!?\n]|[.,](?!\d)|\b(?:and|but|then|also|plus)\b")
# A number is tried once, from its first digit on: a long one must not cost its square.
MONEY = re.compile(
    r"(?P<sign>[$€£])?\s*(?:(?P<before>usd|eur|gbp|cad|jpy)\s*)?"
    r"(?P<digits>(?<!\d)\d[\d,]*+(?:\.\d+)?)"
    r"\s*(?P<scale>k|m|thousand|million)?\b\s*(?P<after>usd|eur|gbp|cad|jpy)?"
)
BY_PERCENT = re.compile(
    r"^\W*(?:please\s+)?(?P<verb>reduce|decrease|lower|cut|increase|raise)\s+(?:the\s+)?"
    r"(?:total\s+budget|total|budget|spend)\s+by\s+(?P<percent>\d{1,2}(?:\.\d+)?)\s*(?:%|percent)\W*$"
)
SCALES = {"k": 1000, "thousand": 1000, "m": 1_000_000, "million": 1_000_000}
CURRENCY_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
# A clause with one of these says more than a direction: to follow half of it could be its opposite.
BEYOND_US = re.compile(
    r"%|n't\b|\b(?:percent|than|never|unless|except|if|instead|between|least|most)\b"
)


class Direction(Enum):
    MORE = "more"
    LESS = "less"
    WITHOUT = "without"
    ONLY = "only"


WORDS_OF_DIRECTIONS = {
    "more": (
        *("more", "increase", "raise", "boost", "add", "heavier"),
        *("favor", "favour", "prefer", "prioritize", "prioritise", "emphasize", "emphasise"),
    ),
    "less": ("less", "fewer", "reduce", "decrease", "lower", "cut"),
    "without": ("no", "without", "drop", "remove", "exclude", "omit", "skip", "avoid", "not"),
    "only": ("only", "just", "solely"),
}
DIRECTION_WORDS = {
    word: Direction(name) for name, words in WORDS_OF_DIRECTIONS.items() for word in words
}
BUDGET_WORDS = frozenset({"budget", "spend", "total", "amount"})
# They carry no product of their own: "put more on connected TV", "online video".
FILLERS = EMPTY_WORDS | frozenset(
    {"shift", "toward", "towards", "into", "allocate", "focus"}
    | {"connected", "online", "put", "make", "give", "show", "keep", "should", "must", "all"}
    | {"share", "shares", "weight", "money", "allocation", "allocations", "option", "options"}
    | {"package", "packages", "inventory", "set", "everything", "non", "guaranteed"}
)


@dataclass(frozen=True)
class Wish:
    """One clause that was heard: a direction, and what it is about."""

    quote: str
    direction: Direction | None
    channels: frozenset[str]
    deliveries: frozenset[str]
    words: tuple[str, ...]

    def matches(self, product: Product) -> bool:
        """Whether the product is what the clause is about, in all that it names."""
        text = f"{product.name} {product.product_id}".lower().replace("_", " ").replace("-", " ")
        named = {stem(word) for word in WORD.findall(text)}
        return (
            (not self.channels or bool(self.channels & set(product.channels)))
            and (not self.deliveries or product.delivery_type in self.deliveries)
            and all(stem(word) in named for word in self.words)
        )

    def loosely(self) -> "Wish | None":
        """Return the wish by its channels and delivery alone; None where it names neither."""
        return replace(self, words=()) if self.channels or self.deliveries else None


@dataclass(frozen=True)
class Money:
    """A budget that a clause names; `currency` is empty where it names none.

    With `factor`, it is what the plan recommends, times that.
    """

    quote: str
    amount: Decimal = Decimal(0)
    currency: str = ""
    factor: Decimal | None = None


@dataclass(frozen=True)
class Ask:
    """An ask, read clause by clause."""

    wishes: tuple[Wish, ...] = ()
    budgets: tuple[Money, ...] = ()
    unheard: tuple[str, ...] = ()


def ask_read(text: str) -> Ask:
    """Return what the text asks for. A clause without a direction takes the one before it.

    A text of which nothing at all was heard is not understood as a whole.
    """
    wishes: list[Wish] = []
    budgets: list[Money] = []
    unheard: list[str] = []
    direction: Direction | None = None
    plain = text[:ASK_LIMIT_CHARACTERS].lower().replace("streaming audio", "audio")
    for part in BETWEEN_CLAUSES.split(plain):
        clause = " ".join(part.split())
        words = WORD.findall(clause)
        if not words and not MONEY.search(clause):
            continue
        quote = clause[:QUOTED_CHARACTERS]
        directions = {DIRECTION_WORDS[word] for word in words if word in DIRECTION_WORDS}
        money = _money(clause, words, quote)
        if by_percent := BY_PERCENT.search(clause):
            budgets.append(_relative(by_percent, quote))
        elif BEYOND_US.search(clause) or len(directions) > 1:
            unheard.append(quote)
        elif money is not None:
            budgets.append(money)
        else:
            direction = directions.pop() if directions else direction
            wish = _wish(clause, words, quote, direction)
            wishes += [wish] if wish else []
            unheard += [] if wish or not _telling(words) else [quote]
    if not (wishes or budgets or unheard):
        unheard.append(" ".join(text.split())[:QUOTED_CHARACTERS])
    return Ask(tuple(wishes), tuple(budgets), tuple(unheard))


def matched(wish: Wish, products: Sequence[Product]) -> list[Product]:
    """Return the products that the wish is about, in their order."""
    return [product for product in products if wish.matches(product)]


def _telling(words: Sequence[str]) -> bool:
    return any(word in DIRECTION_WORDS or word not in EMPTY_WORDS for word in words)


def _wish(
    clause: str, words: Sequence[str], quote: str, direction: Direction | None
) -> Wish | None:
    channels = {CHANNEL_WORDS[word] for word in words if word in CHANNEL_WORDS}
    channels |= PLAIN_CHANNELS & set(words)
    deliveries = _deliveries(clause)
    names = tuple(
        word
        for word in words
        if word not in FILLERS | PLAIN_CHANNELS | CHANNEL_WORDS.keys() | DIRECTION_WORDS.keys()
    )
    if not (channels or deliveries or names):
        return None
    return Wish(quote, direction, frozenset(channels), deliveries, names)


def _deliveries(clause: str) -> frozenset[str]:
    if re.search(r"\bnon[ -_]?guaranteed\b", clause):
        return frozenset({DeliveryType.NON_GUARANTEED.value})
    return frozenset({DeliveryType.GUARANTEED.value} if "guaranteed" in clause else ())


def _money(clause: str, words: Sequence[str], quote: str) -> Money | None:
    found = MONEY.search(clause)
    if found is None:
        return None
    code = (found["before"] or found["after"] or "").upper()
    currency = code or CURRENCY_SIGNS.get(found["sign"] or "", "")
    if not currency and not BUDGET_WORDS & set(words):
        return None
    digits = found["digits"].replace(",", "")
    return Money(quote, Decimal(digits) * SCALES.get(found["scale"] or "", 1), currency)


def _relative(found: re.Match[str], quote: str) -> Money:
    step = Decimal(found["percent"]) / 100
    is_more = found["verb"] in WORDS_OF_DIRECTIONS["more"]
    return Money(quote, factor=1 + step if is_more else 1 - step)
