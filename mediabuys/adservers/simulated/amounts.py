"""Money in whole numbers: amounts in minor units, prices and remainders in billionths."""

from decimal import ROUND_HALF_EVEN, Decimal

BILLION = 10**9
# ISO 4217 currencies whose minor unit is not a hundredth.
DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "BHD": 3, "KWD": 3, "TND": 3}


def digits_of(currency: str) -> int:
    """Return how many decimals the currency has."""
    return DIGITS.get(currency, 2)


def billionths(amount: Decimal) -> int:
    """Return the amount in billionths of the currency's unit."""
    return int((amount * BILLION).to_integral_value(ROUND_HALF_EVEN))


def minor_unit(currency: str) -> int:
    """Return the smallest amount that can be paid, in billionths: a cent is 10,000,000."""
    return 10 ** (9 - digits_of(currency))


def spell(minor: int, currency: str) -> str:
    """Return an amount of minor units as the API spells it: 1250 is `12.50`."""
    return f"{Decimal(minor).scaleb(-digits_of(currency)):f}"
