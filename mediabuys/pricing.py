"""Money: exact decimals in the currency's own minor unit."""

from decimal import ROUND_HALF_EVEN, Decimal

# ISO 4217 currencies whose minor unit is not a hundredth.
MINOR_UNITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3}
# The highest amount, in any currency, that is ordered or planned; every column of money holds it.
BUDGET_LIMIT = Decimal(10) ** 12
IMPRESSIONS_PER_PRICE = {"cpm": 1000, "vcpm": 1000}


def in_currency(amount: Decimal, currency: str) -> Decimal:
    """Return the amount rounded to what the currency can pay (half to even)."""
    return amount.quantize(minor_unit(currency), rounding=ROUND_HALF_EVEN)


def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount that the currency can pay: `0.01`, `1` or `0.001`."""
    return Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2))


def from_wire(value: float | Decimal) -> Decimal:
    """Return a JSON number as the decimal that its digits say."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def to_wire(amount: Decimal) -> int | float:
    """Return the amount as a JSON number; whole amounts without a fraction."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def in_words(amount: Decimal, currency: str) -> str:
    """Return the amount as a person writes it: `$50,000` or `EUR 1,250.50`."""
    rounded = in_currency(amount, currency)
    digits = f"{rounded:,.0f}" if rounded == rounded.to_integral_value() else f"{rounded:,}"
    return f"${digits}" if currency == "USD" else f"{currency} {digits}"


def units_bought(budget: Decimal, price: Decimal | None, pricing_model: str) -> int | None:
    """Return how many impressions, views or clicks a budget buys; None where price says nothing."""
    if not price or pricing_model == "flat_rate":
        return None
    return int(budget / price * IMPRESSIONS_PER_PRICE.get(pricing_model, 1))


def discount_percent(price: Decimal | None, rate_card: Decimal | None) -> Decimal:
    """Return how far a price is under rate card, in percent; never below zero."""
    if price is None or not rate_card or price >= rate_card:
        return Decimal(0)
    return ((rate_card - price) / rate_card * 100).quantize(Decimal("0.1"))
