"""Amounts and dates as files write them, to exact integers and days. Anything unclear raises ValueError, never a guess."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from portal.kernel.money import MAX_MINOR, exponent

PLAIN = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?|([+-]?)\.([0-9]+)")
SIGN_OR_CURRENCY = re.compile(r"(?i)^([+-]?)\s*(?:₹|rs\.?|inr|ksh\.?|kes|usd|eur|gbp|[$€£¥])?\s*([+-]?)\s*")
UNGROUPED = r"[0-9]+"
WESTERN = r"[0-9]{1,3}(?:,[0-9]{3})+"
INDIAN = r"[0-9]{1,2}(?:,[0-9]{2})*,[0-9]{3}"
WRITTEN = re.compile(rf"(?:{UNGROUPED}|{WESTERN}|{INDIAN})(?:\.[0-9]+)?|\.[0-9]+")
LONGEST = 80  # characters of an amount; the patterns below would take hours over a cell of blanks
NEGATIVE = re.compile(r"\(([^()+-]{1,80})\)|([^()+-]{1,80})-")  # as bookkeepers write it: (500.00), 500.00-
DR_CR = re.compile(r"(?i)\s*\(?(?<![A-Za-z])(dr|cr|d|c)\b\.?\)?\s*$")
TIME_OF_DAY = re.compile(r"(?i)[T ]+\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:\.\d+)?\s*(?:[ap]\.?m\.?)?$", re.ASCII)
SERIAL_ZERO = date(1899, 12, 30)  # day 0 of a spreadsheet's calendar
MONTHS = {
    name: at
    for at, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}


def minor_of(text: str, currency: str) -> int:
    """Whole minor units of a plain decimal ("1234.50"); more decimals than the currency has only if they are zeros."""
    match = PLAIN.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not an amount")
    places = exponent(currency)
    whole, part = match[2] or "0", match[3] or match[5] or ""
    if part[places:].strip("0"):
        raise ValueError(f"{text!r} has more decimals than {currency or 'the currency'} allows")
    minor = int(whole + part[:places].ljust(places, "0"))
    if minor > MAX_MINOR:
        raise ValueError(f"{text!r} is too large to be true")
    return -minor if "-" in (match[1], match[4]) else minor


def swift_minor(text: str, currency: str) -> int:
    """Minor units of a SWIFT amount: digits and one decimal comma ("9,", "1234,56"); some banks leave it off ("500").

    Three digits behind the comma are refused where the currency has fewer: "1,500" may be meant for fifteen hundred.
    """
    if text.count(",") > 1 or "." in text:
        raise ValueError(f"{text!r} has one decimal comma at most")
    if len(text.partition(",")[2]) == 3 and exponent(currency) < 3:
        raise ValueError(f"{text!r} may be thousands or decimals; {currency or 'the currency'} has no three decimals")
    return minor_of(text.replace(",", "."), currency)


def written_minor(text: str, currency: str) -> int:
    """Minor units of an amount in a sheet: either grouping, a currency sign, a sign in front or behind, brackets, or Dr/Cr (Dr < 0)."""
    rest = text.replace("\u00a0", " ").replace("−", "-").strip()
    if bracketed := NEGATIVE.fullmatch(rest):
        rest = "-" + (bracketed[1] or bracketed[2]).strip()
    if len(rest) > LONGEST:
        raise ValueError(f"{rest[:LONGEST]!r}… is not an amount")
    flag = DR_CR.search(rest)
    if flag:
        rest = rest[: flag.start()]
    head = SIGN_OR_CURRENCY.match(rest)
    signs = (head[1] + head[2]) if head else ""
    number = rest[head.end() :] if head else rest
    if len(signs) > 1 or (signs and flag) or not WRITTEN.fullmatch(number):
        raise ValueError(f"{text!r} is not an amount")
    minor = minor_of(number.replace(",", ""), currency)
    negative = signs == "-" or (flag is not None and flag[1].upper().startswith("D"))
    return -minor if negative else minor


def cell_text(value: object) -> str:
    """A sheet cell as text. A number cell gives the fifteen digits a sheet program itself would show, never more."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, float):
        return format(Decimal(format(value, ".15g")), "f")
    if isinstance(value, datetime):
        return value.date().isoformat()
    return str(value).strip()


@lru_cache(maxsize=4096)
def day_of(text: str, formats: tuple[str, ...]) -> date:
    """The day a text names under the first format that fits (strptime's codes); ISO and a sheet's serial number always fit.

    A time of day behind it is let be.
    """
    text = TIME_OF_DAY.sub("", text.strip())
    if re.fullmatch(r"[2-7][0-9]{4}(?:\.[0-9]+)?", text, re.ASCII):
        return SERIAL_ZERO + timedelta(days=int(text[:5]))
    for form in (*formats, "%Y-%m-%d"):
        day = _day_under(text, form)
        if day is not None and is_plausible(day):
            return day
    raise ValueError(f"{text!r} is not a date")


def is_plausible(day: date) -> bool:
    """Whether a bank can have meant this day; one beyond these years is a slip, and no calendar arithmetic is safe on it."""
    return 1970 <= day.year <= 2199


def _day_under(text: str, form: str) -> date | None:
    if "%b" in form:  # month names by our own table: strptime's depend on the machine's locale
        match = re.fullmatch(r"(\d{1,2})[-/ .]([A-Za-z]{3})[a-z]*[-/ .,]+(\d{4}|\d{2})", text)
        month = MONTHS.get(match[2].lower()) if match else None
        if not match or month is None:
            return None
        text, form = f"{match[1]}/{month}/{match[3]}", "%d/%m/%Y" if len(match[3]) == 4 else "%d/%m/%y"
    if "%Y" in form and not re.search(r"[0-9]{4}", text):
        return None
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        return None


def short_year(two_digits: str) -> int:
    """The century of a two-digit year: 80–99 are the last one."""
    year = int(two_digits)
    return year + (1900 if year >= 80 else 2000)
