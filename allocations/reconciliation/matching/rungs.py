"""What a rule of the ladder is made of, and what the rules of one ladder share."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Literal, get_args

from portal.kernel.money import exponent

Key = Literal[
    "instrument_key", "slip_key", "receipt_key", "fold_key", "va_key", "loan_key", "account", "pool"
]  # fmt: skip
Direction = Literal["1:1", "n:1", "1:n", "n:m"]
SECOND_SIGNS = ("mode", "virtual_account", "odd_amount", "payer", "near_reference")
KEY_SAYS = {
    "instrument_key": "payment reference",
    "slip_key": "deposit slip",
    "receipt_key": "receipt number",
    "fold_key": "payment reference, read again",
    "va_key": "virtual account",
    "loan_key": "loan number",
    "account": "loan account",
    "pool": "agency's or agent's code",
}


@dataclass(frozen=True, slots=True)
class Rung:
    """One rule.

    `key`: what a receipt and the other side have to share. `account`: any sign of the loan account (loan number, virtual account,
    a posting that shares a reference with the credit and has its amount, an approved payer). `pool`: the agency's or agent's code.
    `direction`: receipts : credits. With n:1 all receipts of one agency under the key make up one credit, or, when `alone`, one of
    them does. With n:m and 1:n all receipts of one agency under the key make up all credits under it.
    `window`: the usual days from receipt to value date; `reach`: beyond these a credit is no candidate.
    `tolerance_major`, `share_of_credit`: amounts may differ by so many major units, and by no more than 1/share of the credit.
    `modes`: families of ways of paying it is for (cash, paper, electronic); empty: any. `second`: one of these signs has to agree
    as well (see `signs`).
    `leaves_out`: so many receipts of a slip may be missing from its credit. `fills_in`: so many receipts whose key is nearly the
    same or missing may fill the others up to the credit. `pool`: at most so many unseen receipts are tried for a sum.
    `chance`: a sum confirms when fewer than one in so many would fit by accident.
    `told`: only where the receipt was reported after its agency was told of the credit, as money paid direct.
    `needs_money`: a posting is tied only to a receipt whose money the bank has seen. `score`: 1 to 100, how much it says.
    """

    name: str
    version: int
    key: Key
    side: Literal["bank", "posting"]
    direction: Direction
    confirms: bool
    window: tuple[int, int]
    reach: tuple[int, int]
    score: int
    says: str
    alone: bool = False
    tolerance_major: int = 1
    share_of_credit: int = 10
    modes: tuple[str, ...] = ()
    second: tuple[str, ...] = ()
    leaves_out: int = 0
    fills_in: int = 0
    pool: int = 0
    chance: int = 0
    needs_money: bool = False
    told: bool = False

    @property
    def many(self) -> bool:
        """Whether several receipts may make up one credit."""
        return self.direction in ("n:1", "n:m")

    def tolerance(self, currency: str) -> int:
        """Minor units a credit and a receipt may differ by under this rule."""
        return int(self.tolerance_major * 10 ** exponent(currency))


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rules in order and the measures they share. `version`: the lender's version of the ladder, 0 the one all start with."""

    rungs: tuple[Rung, ...]
    version: int = 0
    tolerance_major: int = 1
    share_of_credit: int = 10
    shortest_number: int = 3
    weak_number: int = 6
    season_number: int = 9
    season: tuple[int, int] = (-7, 60)
    most_lines_per_key: int = 25
    cut_off_days: int = 3

    def tolerance(self, currency: str) -> int:
        """Minor units of rounding: what is left on a row by it is nothing anybody still looks for."""
        return int(self.tolerance_major * 10 ** exponent(currency))

    def rung(self, name: str) -> Rung | None:
        return next((each for each in self.rungs if each.name == name), None)


KEYS: tuple[str, ...] = get_args(Key)
DIRECTIONS: tuple[str, ...] = get_args(Direction)
MEASURES = tuple(each.name for each in fields(Ladder) if each.name not in ("rungs", "version"))
RULE_FIELDS = {each.name: each for each in fields(Rung)}
NEEDED = tuple(each.name for each in fields(Rung) if each.default is MISSING)
