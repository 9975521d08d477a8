"""Good files of several shapes, and a few bytes of them changed, cut, doubled or mixed: the same each time."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable

from tests.factories.hostile_books import archive, book, row, table
from tests.factories.hostile_texts import GOOD, HEAD
from tests.factories.hostile_texts import row as line

SEED = 20261122
SPICE = [
    *(b'"', b'""', b"\n", b"\r", b"\r\n", b",", b",,,,,", b";", b"\t", b"|", b"\0", b"\x1a", b"'", b"\\", b"<", b"("),
    *(b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xc2\xa0", b"\xed\xa0\x80", b"\xe2\x80\xae"),
    *(b"=1+1", b"1e308", b"-0", b"NaN", b"99999999999999999999", b"03/04/2026", b"/-", b"Cr"),
    *(b"Total", b"sep=;\n", b"Receipt No", b"Amount", b"PK\x03\x04"),
]
XML_SPICE = [
    *(
        b"<",
        b">",
        b"&",
        b"&e;",
        b"&#0;",
        b"&#x10FFFF;",
        b"]]>",
        b"<!--",
        b"<c>",
        b"</row>",
        b"<f>",
        b"</f>",
        b"<f/>",
        b"<v/>",
    ),
    *(b'r="A0"', b'r="XFD9"', b't="s"', b't="b"', b't="e"', b's="9"', b"<v>1e999</v>", b"-1", b"99999999999"),
    *(b"<mergeCell/>", b"\xff", b"<?xml?>", b"<!DOCTYPE x>"),
]


def seeds() -> dict[str, bytes]:
    """Good files of several shapes and encodings."""
    shaped = "Shakti Recoveries\nNovember\n\nReceipt,,Loan,Amount,Mode\nNo,Date,A/c No,,\n"
    plain = GOOD + "".join(line(n, amount=f'"{n},234.50"', mode="UPI") for n in range(4, 30))
    total = plain + "Grand Total,,99,,\nPrepared by Ram,,,,\n"
    accents = HEAD + "".join(line(n, loan_account_no="José’s") for n in range(12))
    return {
        "plain": plain.encode(),
        "quoted": (HEAD + '"R1","L""1","1,000.00","22/11/2026","cash\n"\n' * 9).encode(),
        "shaped": (shaped + "R1,22/11/2026,LN1,5,cash\n" * 9 + "Total,,,45,\n").encode("utf-8-sig"),
        "semicolons": total.replace(",", ";").encode(),
        "utf-16": total.encode("utf-16"),
        "utf-16-be": plain.encode("utf-16-be"),
        "cp1252": accents.encode("cp1252"),
        "old ends": plain.replace("\n", "\r").encode(),
    }


def mutated(data: bytes, dice: random.Random, spice: list[bytes], others: list[bytes]) -> bytes:
    """One to six changes at random places."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 3, 6))):
        at = dice.randrange(len(out) + 1)
        other = dice.choice(others)
        from_ = dice.randrange(len(other))
        moves: list[Callable[[], object]] = [
            lambda at=at: out.__setitem__(slice(at, at + 1), bytes([dice.randrange(256)])),
            lambda at=at: out.__setitem__(
                slice(at, at + 1), bytes(byte ^ 1 << dice.randrange(8) for byte in out[at : at + 1])
            ),
            lambda at=at: out.__setitem__(slice(at, at), dice.choice(spice)),
            lambda at=at: out.__setitem__(slice(at, at + dice.randrange(1, 40)), b""),
            lambda at=at: out.__setitem__(slice(at, at), out[at : at + dice.randrange(200)] * dice.randrange(1, 4)),
            lambda at=at, other=other, from_=from_: out.__setitem__(
                slice(at, at), other[from_ : from_ + dice.randrange(300)]
            ),
            lambda at=at: out.__setitem__(slice(at, None), b"") if dice.random() < 0.3 else None,
        ]
        dice.choice(moves)()
        if not out:
            break
    return bytes(out)


def mutated_inside(data: bytes, dice: random.Random) -> bytes:
    """A workbook with one part of its XML changed and packed anew."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    victim = dice.choice([name for name in parts if name.startswith("xl/")])
    parts[victim] = mutated(parts[victim], dice, XML_SPICE, list(parts.values()))
    return archive(parts)


def books() -> list[bytes]:
    shaped = [["Shakti Recoveries"], [], *table(), ["Total", None, 301.5]]
    calculated = [*table(), row(4, amount="<c><f>SUM(C2:C4)</f><v>301.5</v></c>"), row(5, amount="<c><f>1</f></c>")]
    return [
        book(table()),
        book({"Cover": [["x"]], "Nov": shaped}),
        book({"Old": table(), "Nov": calculated}, states={"Old": "hidden"}),
    ]


FULL = "Receipt No,LAN,Amount,Collection Date,Time,Mode,UTR,Agent Code,Slip No,Deposit Date,Principal,Interest,Charges,Lat,Long,Remarks\n"


def full_seeds() -> list[bytes]:
    """Files with every column of a collections file filled."""
    body = "".join(
        f"R{n},LN000{n},1{n}0.50,1{n}/10/2026,1{n}:05,UPI,UTR{n}00000,A{n},S{n},1{n + 1}/10/2026,100,5.25,0,12.97{n},77.5{n},paid\n"
        for n in range(1, 5)
    )
    text = FULL + body
    return [
        text.encode(),
        text.encode("utf-16"),
        ("Shakti\n\n" + text + "Total,,482,,,,,,,,,,,,,\n").replace(",", ";").encode(),
    ]
