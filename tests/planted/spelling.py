"""How references are misspelt: in ways that named steps undo (case, spaces, dashes, zeros, confused letters), and in ways none can."""

from __future__ import annotations

import numpy as np

from tests.planted.rates import Rates

CONFUSED = str.maketrans("01", "OI")


def respell(texts: np.ndarray, rng: np.random.Generator, rates: Rates) -> tuple[np.ndarray, np.ndarray]:
    """References as an agency writes them, and whether each can still be read (a typo or an omission cannot)."""
    shares = [
        (lower, rates.other_case),
        (spaced, rates.spaced),
        (dashed, rates.dashed),
        (zeros, rates.zeros),
        (confused, rates.confused),
        (typo, rates.typo),
        (missing, rates.no_reference),
    ]
    edges = np.cumsum([share for _, share in shares])
    kind = np.searchsorted(edges, rng.random(len(texts)), side="right")
    at = rng.integers(0, 1 << 30, len(texts)).tolist()
    written = texts.astype(object)
    readable = written != ""
    for number, (way, _) in enumerate(shares):
        for place in np.flatnonzero((kind == number) & readable).tolist():
            written[place] = way(written[place], at[place])
    readable &= (kind != 5) & (kind != 6)
    return written, readable.astype(bool)


def lower(text: str, _: int) -> str:
    return text.lower()


def spaced(text: str, _: int) -> str:
    return " ".join(text[place : place + 4] for place in range(0, len(text), 4))


def dashed(text: str, _: int) -> str:
    return f"{text[:4]}-{text[4:]} " if len(text) > 8 else f" {text}."


def zeros(text: str, at: int) -> str:
    return "0" * (1 + at % 3) + text


def confused(text: str, _: int) -> str:
    """Letters for digits inside a reference that has letters of its own; nobody types letters into digits alone."""
    return text if text.isdigit() else text[:4] + text[4:].translate(CONFUSED)


def typo(text: str, at: int) -> str:
    """One digit wrong, one missing, or two neighbours swapped; always among the last six characters."""
    place = len(text) - 1 - at % min(6, len(text))
    if at % 3 == 0 or len(text) < 2:
        return text[:place] + str((ord(text[place]) + 1 + at % 8) % 10) + text[place + 1 :]
    if at % 3 == 1 or place == 0 or text[place] == text[place - 1]:
        return text[:place] + text[place + 1 :]
    return text[: place - 1] + text[place] + text[place - 1] + text[place + 1 :]


def missing(_text: str, _: int) -> str:
    return ""
