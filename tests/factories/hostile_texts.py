"""Text files as people and enemies make them: encodings, quotes, shapes, amounts, days and keys."""

from __future__ import annotations

import bz2
import codecs
import gzip
import json

from tests.factories.hostile_endings import Ending, Odd, asked, faulty, read, refused

HEAD = "Receipt No,Loan A/c No,Amount,Collection Date,Mode\n"
COLUMNS = ("R1", "LN0001", "100.00", "2026-11-02", "cash")


def row(number: int = 1, **changes: str) -> str:
    """One row; changes by our column's name."""
    names = ("receipt_no", "loan_account_no", "amount", "collected_on", "mode")
    cells = dict(zip(names, (f"R{number}", f"LN{number:04d}", "100.00", "2026-11-02", "cash"), strict=True)) | changes
    return ",".join(cells.values()) + "\n"


def rows(count: int = 3) -> str:
    return "".join(row(number) for number in range(1, count + 1))


GOOD = HEAD + rows()


def text(name: str, content: str, ending: Ending, encoding: str = "utf-8") -> Odd:
    return Odd(name, lambda: content.encode(encoding, "surrogatepass"), ending)


def raw(name: str, content: bytes, ending: Ending) -> Odd:
    return Odd(name, lambda: content, ending)


def cell(name: str, column: str, value: str, ending: Ending) -> Odd:
    quoted = '"' + value.replace('"', '""') + '"'
    return text(name, HEAD + row(1, **{column: quoted}) + row(2), ending)


ENCODINGS = [
    raw("nothing at all", b"", refused("empty_file")),
    raw("a byte-order mark alone", codecs.BOM_UTF8, refused("empty_file")),
    text("blank lines alone", "\n\r\n \n\t\n", refused("empty_file")),
    text("delimiters alone", ",,,,\n,,,,\n", refused("empty_file")),
    text("UTF-8 with a mark", "\ufeff" + GOOD, read(3)),
    text("two byte-order marks", "\ufeff\ufeff" + GOOD, read(3)),
    text("UTF-16 with a mark", GOOD, read(3), "utf-16"),
    text("UTF-16 little-endian unmarked", GOOD, read(3), "utf-16-le"),
    text("UTF-16 big-endian unmarked", GOOD, read(3), "utf-16-be"),
    raw("UTF-16 big-endian marked", codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"), read(3)),
    text("UTF-32", GOOD, read(3), "utf-32"),
    raw("UTF-16 cut in the middle of a character", GOOD.encode("utf-16")[:-1], refused("wrong_encoding")),
    text("UTF-16 with a lone surrogate", GOOD + row(9, mode="\ud800"), refused("wrong_encoding"), "utf-16"),
    text("UTF-16 with NUL characters", GOOD + "\0\0\0", refused("not_a_sheet"), "utf-16"),
    raw("UTF-7 marked", b"+/v8-" + GOOD.encode(), refused("wrong_encoding")),
    raw(
        "cp1252 in one place",
        GOOD.encode() + row(9, loan_account_no="Jos\u00e9").encode("cp1252"),
        asked("wrong_encoding"),
    ),
    raw(
        "cp1252 in many places",
        (
            GOOD + "".join(row(n, loan_account_no=name) for n, name in enumerate(("José", "Müller", "d’Souza"), 10))
        ).encode("cp1252"),
        read(6, "encoding_guessed"),
    ),
    raw("bytes that are no text", GOOD.encode() + b"R9,\x81\x8d\x9d,1,2026-11-02,cash\n", refused("wrong_encoding")),
    raw(
        "UTF-8 and cp1252 mixed",
        GOOD.encode() + row(8, loan_account_no="José").encode() + row(9, loan_account_no="Zoë").encode("cp1252"),
        refused("mixed_encodings"),
    ),
    raw("UTF-8 cut in the middle of a character", GOOD.encode() + "R9,é".encode()[:-1], asked("wrong_encoding")),
    text("UTF-8 with a lone surrogate", GOOD + row(9, mode="\ud800"), asked("wrong_encoding")),
    raw("an overlong slash", GOOD.encode() + b"R9,\xc0\xaf,1,2026-11-02,cash\n", asked("wrong_encoding")),
    raw("Shift-JIS", GOOD.encode() + row(9, mode="現金回収").encode("shift-jis"), asked("wrong_encoding")),
    raw("KOI8-R", GOOD.encode() + row(9, mode="наличные").encode("koi8-r"), asked("wrong_encoding")),
    raw("a NUL byte in a cell", GOOD.encode() + b"R9,LN\x009,1,2026-11-02,cash\n", refused("not_a_sheet")),
    raw("NUL bytes alone", bytes(5_000), refused("not_a_sheet")),
    text(
        "a byte-order mark in the middle",
        HEAD + rows(1) + row(2, receipt_no="\ufeffR2"),
        faulty("invisible_characters", 1),
    ),
]

OTHER_KINDS = [
    raw("a PDF", b"%PDF-1.7\n1 0 obj", refused("not_a_sheet")),
    raw("a PNG", b"\x89PNG\r\n\x1a\n" + bytes(50), refused("not_a_sheet")),
    raw("a JPEG", b"\xff\xd8\xff\xe0" + bytes(50), refused("not_a_sheet")),
    raw("a GIF", b"GIF89a" + bytes(50), refused("not_a_sheet")),
    raw("gzip of a good file", gzip.compress(GOOD.encode()), refused("not_a_sheet")),
    raw("bzip2 of a good file", bz2.compress(GOOD.encode()), refused("not_a_sheet")),
    raw("a 7z archive", b"7z\xbc\xaf\x27\x1c" + bytes(50), refused("not_a_sheet")),
    raw("a RAR archive", b"Rar!\x1a\x07\x01\x00", refused("not_a_sheet")),
    raw("a program", b"\x7fELF" + bytes(60), refused("not_a_sheet")),
    raw("a database", b"SQLite format 3\x00" + bytes(60), refused("not_a_sheet")),
    raw("a web page called .xls", b"<html><table><tr><td>1</td></tr></table></html>", refused("not_a_sheet")),
    raw("XML with a doctype", b"\xef\xbb\xbf <?xml version='1.0'?><!DOCTYPE a>", refused("not_a_sheet")),
    raw("a web archive", b"MIME-Version: 1.0\r\nContent-Type: multipart/related", refused("not_a_sheet")),
    raw("rich text", b"{\\rtf1\\ansi Receipt No, Amount}", refused("not_a_sheet")),
    raw("JSON", json.dumps([{"receipt_no": "R1", "amount": 1}] * 3, indent=1).encode(), asked("missing_column")),
    raw("prose", b"Dear Sir,\n\nplease find our collections below.\n\nRegards\n", asked("missing_column")),
]

QUOTES = [
    text(
        "a quotation mark left open", HEAD + rows(1) + '"R2,LN2,1,2026-11-02,cash\n' + rows(2), refused("broken_quotes")
    ),
    text("a quotation mark not doubled", HEAD + '"R"1",LN1,"1,2026-11-02,cash\n', refused("broken_quotes")),
    text("a million quotation marks", HEAD + '"' * 1_000_001 + "\n", refused("cell_too_long")),
    text(
        "quotation marks that swallow rows",
        HEAD + row(1, mode='"cash') + row(2) + row(3, receipt_no='R3"') + row(4),
        faulty("broken_quotes", 1),
    ),
    text("line breaks inside cells", HEAD + row(1, mode='"cash\n"') + row(2), read(2)),
    text("everything quoted", HEAD + '"R1","LN0001","1,00,000.00","2026-11-02","cash"\n', read(1)),
    text("a cell of ten million characters", HEAD + row(1, mode="x" * 10_000_000), refused("cell_too_long")),
    text(
        "a quoted cell of ten million characters",
        HEAD + row(1, mode='"' + "x\n" * 5_000_000 + '"'),
        refused("broken_quotes"),
    ),
    text("a header of four thousand characters", HEAD.replace("Mode\n", f"Mode,{'H' * 4_000}\n") + rows(1), read(1)),
    text("a header with a line break", HEAD.replace("Receipt No", '"Receipt\nNo"') + rows(2), read(2)),
]

SHAPES = [
    text("a header alone", HEAD, refused("no_rows")),
    text("a header over blank rows", HEAD + ",,,,\n\n , ,,,\n", refused("no_rows")),
    text("a header over a total", HEAD + "Total,,0,,\n", refused("no_rows")),
    text("a million delimiters in a line", "," * 1_000_000 + "\n" + GOOD, refused("too_many_columns")),
    text("a hundred thousand columns", ",".join(f"c{n}" for n in range(100_000)) + "\n1\n", refused("too_many_columns")),
    text("a row of a million cells", GOOD + "R9" + "," * 1_000_000 + "x\n", faulty("row_too_wide", 3)),
    text("a cell to spare", GOOD + row(4, mode="cash,surplus"), faulty("row_too_wide", 3)),
    text("short rows", GOOD + "R4,LN4,5\n", faulty("missing_value", 3)),
    text("blank rows between", HEAD + "\n\n" + rows(2) + ",,,,\n" + row(3), read(3)),
    text("blank columns between", "\n".join(f",{line},," for line in GOOD.splitlines()) + "\n", read(3)),
    text("the same header twice", HEAD.replace("Mode", "Amount,Mode") + "R1,L1,5,6,2026-11-02,cash\n", asked("duplicate_column")),
    text("two headers for the money", HEAD.replace("Mode", "Amt,Mode") + "R1,L1,5,2026-11-02,6,cash\n", asked("confirm_column")),
    text("two headers for one column", HEAD.replace("Mode", "LAN,Mode") + "R1,L1,5,2026-11-02,6,cash\n", asked("duplicate_column")),
    text("two headers of no interest", HEAD.replace("Mode", "Mode,Note,Note") + row(1, mode="cash,a,b"), read(1)),
    text("no header", rows(5), asked("missing_header")),
    text("a header of numbers", "1,2,3,4,5\n" + rows(3), asked("missing_header")),
    text("a header in another language", "पावती,ऋण,राशि,तारीख,तरीका\n" + rows(3), asked("confirm_column")),
    text("a needed column misspelt", HEAD.replace("Amount", "Amuont") + rows(), asked("confirm_column")),
    text("a harmless column misspelt", HEAD.replace("Receipt No", "Reciept Number") + rows(), read(3)),
    text("a preamble", "Shakti Recoveries Pvt Ltd\nCollections of November\n\n" + GOOD, read(3, "preamble_skipped")),
    text("a wide preamble", "Agency:,Shakti,,Period:,Nov\n,,,,\n" + GOOD, read(3, "preamble_skipped")),
    text("a preamble of a hundred rows", "note\n" * 100 + GOOD, asked("missing_column")),
    text(
        "a header in two rows",
        "Receipt,,Loan,Amount,Mode\nNo,Date,A/c No,,\nR1,2026-11-02,LN1,5,cash\n",
        read(1, "header_joined"),
    ),
    text("the header again on each page", GOOD + HEAD + row(4) + HEAD + row(5), read(5, "repeated_header")),
    text("a grand total", GOOD + "Grand Total,,300.00,,\n", read(3, "total_row")),
    text("a total under the wrong column", GOOD + ",Total:,300.00,,\n", read(3, "total_row")),
    text("a total with a count", GOOD + "TOTAL,3,300.00,,\n", read(3, "total_row")),
    text("sub-totals between", GOOD + "Sub Total,,300.00,,\n" + row(4) + "Total,,400,,\n", read(4, "subtotal_rows")),
    text("a total without a word", GOOD + ",,300.00,,\n", read(3, "total_row")),
    text("a sum that is none", GOOD + ",,301.00,,\n", faulty("missing_value", 3)),
    text("an amount alone in the middle", HEAD + row(1) + ",,100.00,,\n" + row(2), faulty("missing_value", 2)),
    text("a receipt called total", GOOD + row(4, receipt_no="Total"), read(4)),
    text("a signature below the table", GOOD + "Prepared by Ram Kumar,,,,\n", read(3, "remark_rows")),
    text("semicolons", GOOD.replace(",", ";"), read(3)),
    text("tabs", GOOD.replace(",", "\t"), read(3)),
    text("bars", GOOD.replace(",", "|"), read(3)),
    text("sep=; before the header", "sep=;\n" + GOOD.replace(",", ";"), read(3)),
    text("sep= that lies", "sep=;\n" + GOOD, asked("missing_column")),
    text("old line ends", GOOD.replace("\n", "\r"), read(3)),
    text("mixed line ends", HEAD.replace("\n", "\r\n") + row(1) + row(2).replace("\n", "\r") + row(3), read(3)),
    text("no line end at the end", GOOD.rstrip(), read(3)),
    text("line separators within cells", HEAD + row(1, loan_account_no="LN\u20281\u2029x\x85y") + row(2), read(2)),
]  # fmt: skip

AMOUNTS = [
    cell("an amount of 1e308", "amount", "1e308", faulty("amount_exponent", 1)),
    cell("an amount of 1e5", "amount", "1e5", faulty("amount_exponent", 1)),
    cell("an amount of NaN", "amount", "NaN", faulty("bad_amount", 1)),
    cell("an amount of infinity", "amount", "inf", faulty("bad_amount", 1)),
    cell("an amount of minus zero", "amount", "-0", faulty("amount_negative", 1)),
    cell("an amount of zero", "amount", "0.00", faulty("amount_zero", 1)),
    cell("an amount of ten quadrillion", "amount", "10000000000000000", faulty("amount_too_large", 1)),
    cell("an amount of five hundred digits", "amount", "9" * 500, faulty("amount_too_large", 1)),
    cell("an amount in hexadecimal", "amount", "0x64", faulty("bad_amount", 1)),
    cell("an amount in full-width digits", "amount", "１００", faulty("amount_other_digits", 1)),
    cell("an amount in Arabic digits", "amount", "١٠٠", faulty("amount_other_digits", 1)),
    cell("an amount grouped wrongly", "amount", "1,00,00", faulty("amount_grouping", 1)),
    cell("an amount with a decimal comma", "amount", "1.234,56", faulty("amount_grouping", 1)),
    cell("an amount grouped by blanks", "amount", "1\u00a0234", faulty("bad_amount", 1)),
    cell("an amount of three decimals", "amount", "1.005", faulty("amount_decimals", 1)),
    cell("an amount in brackets", "amount", "(100.00)", faulty("amount_negative", 1)),
    cell("an amount with the minus behind", "amount", "100-", faulty("amount_negative", 1)),
    cell("an amount with Cr", "amount", "100.00 Cr", faulty("amount_credit_debit", 1)),
    cell("an amount with Dr.", "amount", "100 Dr.", faulty("amount_credit_debit", 1)),
    cell("an amount in lakhs", "amount", "1.5 lakh", faulty("amount_in_words", 1)),
    cell("an amount in dollars", "amount", "$100", faulty("bad_amount", 1)),
    cell("an amount that computes", "amount", "=1+1", faulty("bad_amount", 1)),
    cell("an amount as rupees are written", "amount", "₹\u00a01,00,000.50/-", read(2)),
    cell("an amount with Rs.", "amount", "Rs. 1,200/-", read(2)),
]

DAYS = [
    cell("a day that reads two ways", "collected_on", "03/04/2026", asked("ambiguous_dates")),
    text(
        "days that contradict each other",
        HEAD + row(1, collected_on="22/11/2026") + row(2, collected_on="11/22/2026") + row(3, collected_on="03/04/2026"),
        asked("ambiguous_dates"),
    ),
    text("days proved a hundred thousand rows on", HEAD + row(1, collected_on="03/04/2026") * 60_000
         + row(2, collected_on="22/11/2026"), read(60_001)),
    cell("a year of two digits", "collected_on", "22/11/26", faulty("two_digit_year", 1)),
    cell("the thirtieth of February", "collected_on", "30/02/2026", faulty("impossible_date", 1)),
    cell("the year nought", "collected_on", "0000-00-00", faulty("impossible_date", 1)),
    cell("the year 9999", "collected_on", "9999-12-31", faulty("date_out_of_range", 1)),
    cell("a day with a zone", "collected_on", "2026-11-02T23:00:00+05:30", faulty("date_with_zone", 1)),
    cell("a day with a time", "collected_on", "22/11/2026 2:05 PM", read(2)),
    cell("a named month with a time", "collected_on", "22-Nov-2026 14:05:59", read(2)),
    cell("a spreadsheet's serial day", "collected_on", "46348.75", read(2)),
    cell("a serial day out of range", "collected_on", "99999", faulty("date_out_of_range", 1)),
    cell("tomorrow", "collected_on", "tomorrow", faulty("bad_date", 1)),
]  # fmt: skip

KEYS = [
    cell("a loan number in scientific notation", "loan_account_no", "1.23457E+11", faulty("number_mangled", 1)),
    cell("leading zeros", "loan_account_no", "000012", read(2)),
    cell("text turned round", "receipt_no", "R\u202e21\u202c", faulty("invisible_characters", 1)),
    cell("a zero-width blank", "receipt_no", "R\u200b1", faulty("invisible_characters", 1)),
    cell("a bell", "receipt_no", "R\x071", faulty("control_characters", 1)),
    cell("a key of ten thousand characters", "receipt_no", "R" * 10_000, faulty("too_long", 1)),
    cell("a formula for a key", "receipt_no", '=HYPERLINK("http://127.0.0.1","R1")', read(2)),
    cell("a command for a key", "receipt_no", "=cmd|' /C calc'!A0", read(2)),
    cell("SQL for a key", "receipt_no", "R'); drop table collections;--", read(2)),
    cell("a template for a key", "receipt_no", "{{7*7}}${7*7}<script>alert(1)</script>", read(2)),
    cell("full-width digits in a key", "receipt_no", "Ｒ１", read(2)),
    cell("a word for the mode that nobody knows", "mode", "barter", faulty("not_a_choice", 1)),
    cell("an emoji", "loan_account_no", "LN\U0001f4b0", read(2)),
]

TEXTS: list[Odd] = [*ENCODINGS, *OTHER_KINDS, *QUOTES, *SHAPES, *AMOUNTS, *DAYS, *KEYS]
