"""Bank files of a dozen real banks parse to their independent control totals."""

from __future__ import annotations

import io
import json
import re
import zipfile
from decimal import Decimal

import pytest

from allocations.reconciliation.sources.proof import prove
from allocations.reconciliation.sources.readers.detect import read_statements
from portal.kernel.errors import Invalid
from portal.kernel.money import plain

pytestmark = pytest.mark.real_data


def major(minor, currency):
    return None if minor is None else Decimal(plain(minor, currency or "EUR"))


def number(text):
    return None if text is None else Decimal(text)


def test_every_mt940_file_gives_its_control_totals(real_data):
    folder = real_data / "bank-statements"
    controls = json.loads((folder / "mt940-control-totals.json").read_text())
    assert len(controls) == 31
    for control in controls:
        statements = read_statements((folder / control["file"]).read_bytes(), control["file"])
        assert len(statements) == len(control["statements"]), control["file"]
        for found, expected in zip(statements, control["statements"], strict=True):
            say = lambda minor, currency=found.currency: major(minor, currency)  # noqa: E731
            assert (
                found.account, say(found.opening_minor), say(found.closing_minor), len(found.lines),
                say(found.credits_minor), say(found.debits_minor), found.balanced, sum(line.is_reversal for line in found.lines),
            ) == (
                expected["account"] or "", number(expected["opening"]), number(expected["closing"]), expected["parsed"],
                number(expected["credits"]), number(expected["debits"]), expected["ties"], expected["reversals"],
            ), control["file"]  # fmt: skip
            assert expected["currency"] in (found.currency, None)


def test_every_camt_file_parses(real_data):
    for path in sorted((real_data / "bank-statements" / "camt053").glob("*.xml")):
        (statement,) = read_statements(path.read_bytes(), path.name)
        (line,) = statement.lines
        expected = (20000000, "debit") if statement.currency == "SEK" else (885, "credit")
        assert (line.amount_minor, line.side) == expected, path.name
        assert statement.format == path.name[:7]


def test_five_indian_layouts_give_the_same_net_and_closing_as_csv_and_xlsx(real_data):
    paths = [
        path for path in sorted((real_data / "bank-statements" / "csv").iterdir()) if path.suffix in {".csv", ".xlsx"}
    ]
    assert len(paths) == 10
    for path in paths:
        (statement,) = read_statements(path.read_bytes(), path.name)
        assert statement.layout == path.name.split("_")[0]
        net = statement.credits_minor - statement.debits_minor
        assert (len(statement.lines), net, statement.closing_minor, statement.balanced) == (
            10,
            4550100,
            49900100,
            True,
        ), path.name


def test_hostile_files_are_refused_with_a_reason(real_data):
    for path in sorted((real_data / "hostile").iterdir()):
        with pytest.raises(Invalid) as refused:
            read_statements(path.read_bytes(), path.name)
        assert all(problem.code and problem.cure for problem in refused.value.problems), path.name


def test_a_zip_of_every_statement_gives_what_each_gives_alone(real_data):
    folder = real_data / "bank-statements"
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in {".sta", ".txt", ".xml", ".csv", ".xlsx"}]
    alone = [statement for path in paths for statement in read_statements(path.read_bytes(), path.name)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, path in enumerate(paths):
            archive.write(path, f"{at:03d}-{path.name}")
    assert read_statements(buffer.getvalue(), "all.zip") == alone
    assert len(alone) >= 49


AMOUNT = re.compile(rb"(?m)^:61:\d{6}(?:\d{4})?R?[DC][A-Z]?(\d+,\d{0,2})")


def test_no_other_digit_in_an_amount_of_a_real_statement_is_taken_for_proved(real_data):
    altered = 0
    for path in sorted((real_data / "bank-statements" / "mt940").glob("*.*")):
        data = path.read_bytes()
        if not all(prove(each).status == "proved" for each in read_statements(data, path.name)):
            continue
        digits = (at for match in AMOUNT.finditer(data) for at in range(*match.span(1)) if data[at : at + 1] != b",")
        for at in list(digits)[:60]:
            other = data[:at] + str((int(data[at : at + 1]) + 1) % 10).encode() + data[at + 1 :]
            assert any(prove(each).status == "refused" for each in read_statements(other, path.name)), (path.name, at)
            altered += 1
    assert altered >= 50
