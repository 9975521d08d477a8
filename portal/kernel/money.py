"""Exact money: integer minor units and a currency, and the one rounding the house knows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

EXPONENTS = {"INR": 2, "KES": 2, "USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "BHD": 3, "OMR": 3, "TND": 3}
# ISO 4217, also of currencies offered nowhere, for a bank's file may be in any. All others have two decimals.
NO_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
SYMBOLS = {"INR": "₹", "KES": "KSh", "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
INDIAN_GROUPING = {"INR"}
MAX_MINOR = 10**15  # a thousand crore rupees in paise is 10**12; anything above 10**15 is a slip of the hand


def exponent(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217); two where we know no better."""
    if currency in NO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def half_up(value: Fraction | Decimal | int) -> int:
    """Round an exact number to a whole number, halves away from zero. The only rounding of money in the house.

    >>> half_up(Fraction(5, 2)), half_up(Fraction(-5, 2))
    (3, -3)
    """
    if isinstance(value, float):
        raise TypeError("money is never a float")
    exact = Fraction(value)
    magnitude = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return magnitude if exact >= 0 else -magnitude


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in integer minor units (paise, cents) of one currency. Refuses floats and mixed currencies."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError(f"minor units must be int, not {type(self.minor).__name__}")
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise ValueError(f"not a currency code: {self.currency!r}")

    @classmethod
    def from_major(cls, text: str | int | Decimal, currency: str) -> Money:
        """Exact money from a plain decimal ("1234.50"); raises ValueError on more decimals than the currency has."""
        if isinstance(text, float):
            raise TypeError("money is never a float")
        amount = Decimal(str(text)).scaleb(exponent(currency))
        if not amount.is_finite() or amount != amount.to_integral_value():
            raise ValueError(f"{text} has more decimals than {currency}")
        return cls(int(amount), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    def _same(self, other: Money) -> None:
        if not isinstance(other, Money):
            raise TypeError(f"money and {type(other).__name__} do not mix")
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def times(self, rate: Fraction | Decimal | int) -> Money:
        """This amount times an exact rate, rounded half up once."""
        if isinstance(rate, float):
            raise TypeError("a rate is never a float")
        return Money(half_up(self.minor * Fraction(rate)), self.currency)

    @property
    def major(self) -> str:
        """Major units as a plain string with the currency's decimals: "145400.00"."""
        return plain(self.minor, self.currency)

    def __str__(self) -> str:
        return shown(self.minor, self.currency)


def plain(minor: int, currency: str) -> str:
    """Major units without grouping, for files and JSON: plain(14540000, "INR") == "145400.00"."""
    places = exponent(currency)
    digits = str(abs(minor)).rjust(places + 1, "0")
    whole, part = (digits[:-places], digits[-places:]) if places else (digits, "")
    return ("-" if minor < 0 else "") + whole + (f".{part}" if places else "")


def grouped(whole: str, indian: bool) -> str:
    """Digit grouping: 12,34,567 for Indian money, 1,234,567 otherwise."""
    head, tail = whole[:-3], whole[-3:]
    step = 2 if indian else 3
    parts: list[str] = []
    while head:
        parts.insert(0, head[-step:])
        head = head[:-step]
    return ",".join([*parts, tail])


def shown(minor: int, currency: str) -> str:
    """Money for a person: ₹12,34,567.00; a minus sign stands before the symbol."""
    whole, _, part = plain(abs(minor), currency).partition(".")
    text = grouped(whole, currency in INDIAN_GROUPING) + (f".{part}" if part else "")
    symbol = SYMBOLS.get(currency)
    return ("−" if minor < 0 else "") + (f"{symbol}{text}" if symbol else f"{currency} {text}")
