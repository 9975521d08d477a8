"""Random rate cards as people lay them out: inline or in sections, on one line or many, with comments, in any spacing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

DRIVERS = ["resolution_pct_pos", "confirmed_amount", "score", "line_amount", "none"]
RATES = st.integers(1, 9999).map(lambda n: f"0.{n:04d}".rstrip("0"))
AMOUNTS = st.integers(0, 10**7).map(lambda n: f"{n // 100}.{n % 100:02d}")
NAMES = st.text("abcdefghij-", min_size=1, max_size=8)
COMMENTS = st.sampled_from(["", "", "# as agreed", "# 8 % until March = then 9 %", '# "quoted" [[rule]] { }'])


@st.composite
def card_texts(draw: st.DrawFn) -> str:
    """A TOML text that reads as a card; not always one that makes sense."""
    lines = [draw(COMMENTS), f'code = "C{draw(st.integers(1, 99))}"', 'currency = "INR"', "effective_from = 2026-04-01"]
    for number in range(draw(st.integers(1, 4))):
        lines += ["", draw(COMMENTS), "[[rule]]", *rule(draw, number)]
    if draw(st.booleans()):
        lines += [
            "",
            "[agency]",
            f'cap = "{draw(AMOUNTS)}"',
            *sub(draw, "agency", "holdback", {"rate": f'"{draw(RATES)}"'}),
        ]
    if draw(st.booleans()):
        facts = {"lines": f'[ {{rule = "r0", base = "{draw(AMOUNTS)}"}} ]'}
        lines += ["", "[[case]]", 'name = "one"', *sub(draw, "case", "facts", facts)]
        lines += sub(draw, "case", "expect", {"total": f'"{draw(AMOUNTS)}"'}, apart=True)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines) + draw(st.sampled_from(["", end]))


def rule(draw: st.DrawFn, number: int) -> list[str]:
    driver = draw(st.sampled_from(DRIVERS))
    count = 1 if driver == "none" else draw(st.integers(1, 4))
    slabs = [f'{{from = {place * 20}, rate = "{draw(RATES)}"}}' for place in range(count)]
    note = draw(COMMENTS)
    lines = [f'id = "r{number}"{"  " + note if note else ""}', f'driver = "{driver}"', f"slabs = {array(draw, slabs)}"]
    if draw(st.booleans()):
        lines.append('lag = [ {within_days = 1, factor = "1"}, {factor = "0.5"} ]')
    if draw(st.booleans()):
        lines += [f'cap.per = "{draw(st.sampled_from(["line", "account"]))}"', f'cap.amount   =   "{draw(AMOUNTS)}"']
    if draw(st.booleans()):
        words = array(draw, [f'"{word}"' for word in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))])
        lines += sub(draw, "rule", "when", {"product": words, "dpd_days": "[0, 30]"})
    return lines


def sub(draw: st.DrawFn, table: str, key: str, values: dict[str, Any], *, apart: bool | None = None) -> list[str]:
    """A table inside another: inline, or under a header of its own (which must come last)."""
    if draw(st.booleans()) if apart is None else apart:
        return [f"[{table}.{key}]", *(f"{name} = {value}" for name, value in values.items())]
    gap = draw(st.sampled_from(["", " "]))
    return [f"{key} = {{{gap}{', '.join(f'{name} = {value}' for name, value in values.items())}{gap}}}"]


def array(draw: st.DrawFn, items: list[str]) -> str:
    if draw(st.booleans()):
        return "[ " + ", ".join(items) + " ]"
    note, comma = draw(COMMENTS), draw(st.sampled_from(["", ","]))
    return "[\n  " + f",{' ' + note if note else ''}\n  ".join(items) + f"{comma}\n]"
