"""What is still open on each row while the ladder is climbed, and who bears which key."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from allocations.keys import PAYER
from allocations.reconciliation.matching.account_numbers import AccountNumbers
from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.key_index import Codes, Ints, KeyIndex, Mask, key_codes, spread
from allocations.reconciliation.matching.reasons import FAMILY
from allocations.reconciliation.matching.returns import Returns
from allocations.reconciliation.matching.rungs import Ladder

KEY_COLUMNS = (
    "instrument_key", "receipt_key", "slip_key", "fold_key", "va_key", "loan_key", "agency_key", "agent_key"
)  # fmt: skip
SHARED = ("va_key", "loan_key", "agency_key", "agent_key")  # stand on any number of credits and still say what they say
EPOCH = 719_163  # the ordinal of 1970-01-01
BRANCH = r"[A-Z]{4}0[A-Z0-9]{6}"  # an IFSC names a branch, never a payment


@dataclass
class Book:
    """Positions are row numbers of the world's frames. `index` holds the keys of borrowers' credits that anybody asks for."""

    world: World
    returns: Returns
    ladder: Ladder
    coll: (
        pd.DataFrame
    )  # + tolerance, open (not yet seen at the bank), unposted (not yet seen in core banking), family, seen_on
    line: pd.DataFrame  # + tolerance, open (0 unless a credit that stands), returned (what of it went back)
    posting: pd.DataFrame  # + tolerance, open (0 when reversed or reversing)
    index: KeyIndex
    key_codes: Codes  # of world.line_keys
    codes: dict[str, Codes]  # of the receipts still open by key column; 0: no key, or one that identifies nothing
    struck: list[pd.DataFrame] = field(default_factory=list)
    tried: list[pd.DataFrame] = field(default_factory=list)
    refused: list[pd.DataFrame] = field(default_factory=list)
    busy_coll: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))  # with a suggestion
    busy_line: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))
    currencies: list[str] = field(default_factory=list)
    account_pairs: pd.DataFrame | None = None  # of this climb, as are twins
    _twins: pd.DataFrame | None = None

    def start_over(self) -> None:
        """Forgets what the climb before tried and struck out."""
        self.tried, self.struck, self.account_pairs, self._twins = [], [], None, None

    @cached_property
    def keys(self) -> pd.DataFrame:
        """Keys of borrowers' credits (line position, key), without those on so many credits that they name no payment."""
        count = np.repeat(np.diff(self.index.starts), np.diff(self.index.starts))
        rows = self.index.rows[count <= self.ladder.most_lines_per_key]
        keys = self.world.line_keys["key"].take(rows)
        told = identifying(keys, self.ladder).to_numpy()
        return pd.DataFrame({"line": self.index.owner[rows[told]], "key": keys.to_numpy()[told]}).astype({"key": "str"})

    @cached_property
    def posting_codes(self) -> dict[str, Codes]:
        """Codes of the postings that stand, by key column."""
        live = self.live_postings
        return {
            name: np.where(live, key_codes(self.posting[name]), np.uint64(0)).astype(np.uint64)
            for name in ("receipt_key", "instrument_key")
        }

    @cached_property
    def posting_index(self) -> KeyIndex:
        """Which postings that stand bear a reference."""
        codes = self.posting_codes["instrument_key"]
        return KeyIndex.of(codes, np.arange(len(codes)), codes)

    @cached_property
    def modes_seen(self) -> bool:
        return bool((self.line["mode"] != "").any())

    def twins(self) -> pd.DataFrame:
        """coll → twin (positions): open receipts whose references are written differently and read the same with letters taken for
        digits read as digits, where no credit carries the twin's as it is written."""
        if self._twins is None:
            self._twins = self._find_twins()
        return self._twins

    def _find_twins(self) -> pd.DataFrame:
        own, fold = self.codes["instrument_key"], self.codes["fold_key"]
        rows = np.flatnonzero((own > 0) & (self.coll["open"].to_numpy() > 0))
        read = np.where(fold[rows] > 0, fold[rows], own[rows])
        order = np.lexsort((own[rows], read))
        read, written = read[order], own[rows[order]]
        clash = read[1:][(read[1:] == read[:-1]) & (written[1:] != written[:-1])]
        some = np.isin(read, clash)
        group = pd.DataFrame({"read": read[some], "written": written[some], "coll": rows[order][some]})
        asked = np.zeros(len(own), dtype=np.uint64)
        asked[group["coll"]] = own[group["coll"]]
        lost = group[~group["coll"].isin(self.index.meet(asked)[0])]
        pairs = group.merge(lost.rename(columns={"coll": "twin", "written": "other"}), on="read")
        return pairs.loc[pairs["written"] != pairs["other"], ["coll", "twin"]]

    @cached_property
    def account_numbers(self) -> AccountNumbers:
        return AccountNumbers(self.world.line_keys["key"], self.key_codes, self.index.owner, self.coll)

    @cached_property
    def _rows_by_line(self) -> tuple[Ints, Ints]:
        order = np.argsort(self.index.owner, kind="stable")
        return order, self.index.owner[order]

    def keys_on(self, lines: Ints) -> list[list[str]]:
        """The keys of each of these credits (by position)."""
        order, sorted_lines = self._rows_by_line
        first = np.searchsorted(sorted_lines, lines)
        count = np.searchsorted(sorted_lines, lines, side="right") - first
        keys = self.world.line_keys["key"].take(order[spread(first, count)]).tolist()
        ends = np.cumsum(count).tolist()
        return [keys[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    @cached_property
    def live_postings(self) -> Mask:
        off = [*self.returns.postings, *self.returns.reversing]
        return np.asarray(~self.posting["id"].isin(off))

    @cached_property
    def plain_rungs(self) -> set[str]:
        """The rungs by reference, slip or receipt number that come first for their key: what they tried is all that met on it."""
        found: dict[str, str] = {}
        for rung in self.ladder.rungs:
            if rung.side == "bank" and rung.confirms and rung.key in ("instrument_key", "slip_key", "receipt_key"):
                found.setdefault(rung.key, rung.name)
        return set(found.values())

    def disputed(self) -> tuple[Mask, Mask]:
        """Receipts and credits that an earlier rung of this climb struck out for their rivals."""
        coll, line = np.zeros(len(self.coll), dtype=bool), np.zeros(len(self.line), dtype=bool)
        for each in self.struck:
            coll[each["coll"]] = True
            line[each["other"]] = True
        return coll, line


def identifying(keys: pd.Series[Any], ladder: Ladder) -> pd.Series[bool]:
    """Keys long enough to point at one payment; a short run of digits alone is a date, a branch or a count."""
    return (keys.str.len() > 1) & ~(keys.str.isdigit() & (keys.str.len() < ladder.shortest_number))


def open_book(world: World, returns: Returns, standing: pd.DataFrame, ladder: Ladder, lines: Codes) -> Book:
    """`standing`: links that hold; `lines`: key_codes of world.line_keys."""
    bank, core = standing[standing["line_id"] > 0], standing[standing["posting_id"] > 0]
    coll, line, posting = (each.copy(deep=False) for each in (world.collections, world.lines, world.postings))
    currencies = in_currencies(coll, line, posting)
    rounding = np.array([ladder.tolerance(each) for each in currencies], dtype=np.int64)
    for table in (coll, line, posting):
        table["tolerance"] = rounding[table["money"]]
    coll["open"] = coll["amount"] - linked(coll["id"], bank["collection_id"], bank["amount"])
    coll["unposted"] = coll["amount"] - linked(coll["id"], core["collection_id"], core["amount"])
    coll["family"] = families(coll["mode"])
    went_back(line, returns)
    stands = line["side"] == "credit"
    taken = linked(line["id"], bank["line_id"], bank["amount"]) + line["settled"]
    line["open"] = (line["amount"] - taken - line["returned"]).where(stands, 0).clip(lower=0)
    off = posting["id"].isin([*returns.postings, *returns.reversing])
    posting["open"] = (posting["amount"] - linked(posting["id"], core["posting_id"], core["amount"])).where(~off, 0)
    for table, column in ((coll, "open"), (coll, "unposted"), (line, "open"), (posting, "open")):
        forget_rounding(table, column)
    coll["seen_on"] = 0
    places = [
        pd.Index(table["id"]).get_indexer(pd.Index(bank[name]))
        for table, name in ((coll, "collection_id"), (line, "line_id"))
    ]
    known = (places[0] >= 0) & (places[1] >= 0)
    note_seen(coll, places[0][known], line["day"].to_numpy()[places[1][known]])
    codes = codes_of(coll, world, ladder)
    index = index_of(world, lines, codes, posting)
    nobody = np.zeros(len(coll), dtype=bool), np.zeros(len(line), dtype=bool)
    return Book(
        world,
        returns,
        ladder,
        coll,
        line,
        posting,
        index,
        lines,
        codes,
        busy_coll=nobody[0],
        busy_line=nobody[1],
        currencies=currencies,
    )


def in_currencies(*tables: pd.DataFrame) -> list[str]:
    """Sets `money`, the place of each row's currency in the list that is returned."""
    places, names = pd.factorize(pd.concat([each["currency"] for each in tables], ignore_index=True))
    start = 0
    for table in tables:
        table["money"] = places[start : start + len(table)]
        start += len(table)
    return list(names)


def families(modes: pd.Series[Any]) -> Any:
    """Cash, paper or electronic; "" where no way of paying is said."""
    places, names = pd.factorize(modes)
    told = np.array([FAMILY.get(each, "electronic") if each else "" for each in names], dtype=object)
    return told[places] if len(names) else np.zeros(0, dtype=object)


def went_back(line: pd.DataFrame, returns: Returns) -> None:
    """Sets `returned`: all of a returned credit, or the parts of it that debits took back; what people had sent back already is
    settled, and the debit that shows it takes nothing more."""
    line["returned"] = linked(line["id"], returns.parts["credit_id"], returns.parts["amount"])
    if returns.credits:
        line["returned"] = line["returned"].mask(line["id"].isin(list(returns.credits)), line["amount"])
    line["returned"] = line["returned"].clip(upper=line["amount"] - line["settled"])


def linked(ids: pd.Series[int], of: pd.Series[int], amounts: pd.Series[int]) -> Ints:
    """The sum of `amounts` by id; `of` says whose each is."""
    total = np.zeros(len(ids), dtype=np.int64)
    if len(of):
        place = pd.Index(ids).get_indexer(pd.Index(of))
        known = place >= 0
        np.add.at(total, place[known], amounts.to_numpy()[known])
    return total


def forget_rounding(table: pd.DataFrame, column: str) -> None:
    """A residue of rounding on what is linked already is nothing anybody still looks for (suspense counts it all the same)."""
    left = table[column].to_numpy()
    touched = (left < table["amount"].to_numpy()) & (left <= table["tolerance"].to_numpy())
    if touched.any():
        table[column] = np.where(touched, 0, left)


def note_seen(coll: pd.DataFrame, rows: Ints, days: Ints) -> None:
    """Sets `seen_on`: the latest day on which the bank saw some of a receipt's money, 0 when it saw none."""
    seen = coll["seen_on"].to_numpy(copy=True)
    np.maximum.at(seen, rows, days)
    coll["seen_on"] = seen


def codes_of(coll: pd.DataFrame, world: World, ladder: Ladder) -> dict[str, Codes]:
    """Codes of the receipts still open; keys that identify no payment count as none."""
    rows = np.flatnonzero(coll["open"] > 0)
    common = key_codes(world.common["key"])
    found = {}
    for name in KEY_COLUMNS:
        keys = coll[name].take(rows)
        if name not in SHARED:
            told = naming(keys, name, coll.take(rows), ladder)
            keys = keys if told.all() else keys.where(told, "")
        codes = np.zeros(len(coll), dtype=np.uint64)
        codes[rows] = key_codes(keys)
        if name not in SHARED and len(common):
            codes[np.isin(codes, common)] = 0
        found[name] = codes
    for name in (
        "instrument_key",
        "fold_key",
        "receipt_key",
        "slip_key",
    ):  # the account's own number names no payment of it
        own = (found[name] == found["loan_key"]) | (found[name] == found["va_key"])
        found[name][own] = 0
    lettered = coll["instrument_key"].take(rows).str.contains("[A-Z]{2}$", regex=True).to_numpy()
    if lettered.any():
        codes = found["instrument_key"]
        codes[rows[lettered & np.isin(codes[rows], key_codes(handles_of(world.line_keys["key"])))]] = 0
    return found


def handles_of(keys: pd.Series[Any]) -> pd.Series[Any]:
    """Payers' handles as one would write them for a reference: they name a payer, never a payment."""
    payers = keys[keys.str.startswith(PAYER)].drop_duplicates()
    return payers.str.slice(len(PAYER)).str.replace(r"[\W_]+", "", regex=True)


def naming(keys: pd.Series[Any], column: str, coll: pd.DataFrame, ladder: Ladder) -> pd.Series[bool]:
    """Keys that name a payment: no branch, no amount, no date. A short number is a cheque's, or the number of a receipt that no cheque and
    no slip brought; written anywhere else it is a date, an amount or an approval code."""
    digits = keys.str.isdigit()
    told = identifying(keys, ladder) & ~(keys.str.fullmatch(BRANCH))
    short = digits & (keys.str.len() < ladder.season_number)
    if column in ("instrument_key", "fold_key"):
        told &= ~short | (coll["family"] == "paper")
    if column == "receipt_key":
        told &= ~short | (coll["family"] == "electronic")
    if column in ("receipt_key", "slip_key") and short.any():
        rows = np.flatnonzero(short & keys.str.fullmatch("[0-9]{5,8}"))
        days = np.zeros(len(keys), dtype=bool)
        days[rows] = reads_as_its_day(keys.take(rows), coll["day"].take(rows))
        told &= ~days
    if column != "slip_key" and short.any():
        rows = np.flatnonzero(short)
        pairs = zip(keys.take(rows).tolist(), coll["amount"].take(rows).tolist(), strict=True)
        amounts = np.zeros(len(keys), dtype=bool)
        amounts[rows] = [key in (str(each), str(each // 100)) for key, each in pairs]
        told &= ~amounts
    return told


def reads_as_its_day(keys: pd.Series[Any], days: pd.Series[Any]) -> Mask:
    """Digits that read as a day of the receipt's own month or of the months beside it (03112026, 20261103, 031126, 261103; zeros in
    front are gone): tied by these, a receipt would be tied by amount and date alone."""
    number, size = keys.to_numpy(dtype=object).astype(np.int64), keys.str.len().to_numpy()
    month = (days.to_numpy() - EPOCH).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    found = np.zeros(len(keys), dtype=bool)
    for sizes, unit, century in (((7, 8), 10_000, 0), ((5, 6), 100, 2000)):
        day_first = number // (100 * unit), number // unit % 100, number % unit + century
        year_first = number % 100, number // 100 % 100, number // 10_000 + century
        for (day, of_month, year), fits in ((day_first, np.isin(size, sizes)), (year_first, size == sizes[1])):
            real = (day >= 1) & (day <= 31) & (of_month >= 1) & (of_month <= 12)
            found |= fits & real & (np.abs((year - 1970) * 12 + of_month - 1 - month) <= 1)
    return found


def index_of(world: World, lines: Codes, codes: dict[str, Codes], posting: pd.DataFrame) -> KeyIndex:
    credits = world.lines[(world.lines["side"] == "credit") & ~world.lines["is_reversal"]]
    where = pd.Index(credits["id"]).get_indexer(world.line_keys["line_id"])
    owner = np.where(where >= 0, credits.index.to_numpy()[where] if len(credits) else -1, -1)
    wanted = [*codes.values(), *(key_codes(posting[name]) for name in ("receipt_key", "instrument_key"))]
    wanted.append(key_codes(world.payers["key"]))
    return KeyIndex.of(lines, owner, np.concatenate(wanted))
