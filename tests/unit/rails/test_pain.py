"""ISO 20022: files a bank's schema accepts, the same bytes for ever; and status reports read without mercy."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest
from lxml import etree

from payouts.rails.bank_answer import Expected, judge
from payouts.rails.pain001 import VERSIONS, Pain001Rail, pain001_file
from payouts.rails.pain002 import looks_like_pain002, original_message, read_pain002
from payouts.rails.protocol import BatchFacts, Beneficiary, FileRail, Instruction
from portal.kernel.errors import Invalid

IST = timezone(timedelta(hours=5, minutes=30))
BATCH = BatchFacts(
    ref="B2610-01",
    serial=1,
    made_on=date(2026, 11, 5),
    debit_account="000111222333",
    debit_ifsc="UBIN0000001",
    corporate_id="OURBANK",
    made_at=datetime(2026, 11, 5, 10, 30, tzinfo=IST),
    debtor_name="Our Bank & Sons",
    instructions=(
        Instruction("P2610-0001", 142_492_00, "INR", Beneficiary("Shakti <Recovery>", "50100123456789", "HDFC0001234"), "S2610-SHAKTI"),
        Instruction("P2610-0002", 5_000_00, "INR", Beneficiary("Nivéditâ", "001234567890", "SBIN0000300"), ""),
    ),
)  # fmt: skip
KENYA = replace(
    BATCH,
    debit_ifsc="EQBLKENA",
    instructions=(
        Instruction("P2610-0003", 7_500_00, "KES", Beneficiary("Tumaini", "0123456789", "KCBLKENX", country="KE"), "x"),
        Instruction(
            "P2610-0004", 1, "KES", Beneficiary("Umoja", "GB33BUKB20201555555555", "01-100", country="KE"), "x"
        ),
    ),
)
SENT = {each.ref: Expected(each.amount_minor, each.currency, "sent") for each in BATCH.instructions}
SPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"


def report(transactions="", group="<GrpSts>ACCP</GrpSts>", payment=True):
    within = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>B2610-01</OrgnlPmtInfId>{transactions}</OrgnlPmtInfAndSts>"
    return (
        f'<Document xmlns="{SPACE}"><CstmrPmtStsRpt><GrpHdr><MsgId>R1</MsgId></GrpHdr><OrgnlGrpInfAndSts>'
        f"<OrgnlMsgId>B2610-01</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.03</OrgnlMsgNmId>{group}</OrgnlGrpInfAndSts>"
        f"{within if payment else ''}</CstmrPmtStsRpt></Document>"
    ).encode()


def told(ref, status, amount="142492.00", currency="INR", utr="UTR1", reason=""):
    why = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn><AddtlInf>Closed</AddtlInf></StsRsnInf>" if reason else ""
    by_bank = f"<AcctSvcrRef>{utr}</AcctSvcrRef>" if utr else ""
    return (
        f"<TxInfAndSts><OrgnlEndToEndId>{ref}</OrgnlEndToEndId><TxSts>{status}</TxSts>{why}{by_bank}"
        f'<OrgnlTxRef><Amt><InstdAmt Ccy="{currency}">{amount}</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>'
    )


def codes(refusal):
    return {problem.code for problem in refusal.value.problems}


@pytest.mark.real_data
@pytest.mark.parametrize("batch", [BATCH, KENYA], ids=["india", "kenya"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_file_is_valid_against_the_schema_of_its_version(version, batch, real_data):
    schema = etree.XMLSchema(etree.parse(real_data / "schemas" / f"pain.001.001.{version}.xsd"))
    schema.assertValid(etree.fromstring(pain001_file(batch, version).data))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_file_says_count_total_and_every_payment(version):
    data = pain001_file(BATCH, version).data
    tree = etree.fromstring(data)
    space = {"p": f"urn:iso:std:iso:20022:tech:xsd:pain.001.001.{version}"}

    def said(path):
        return [each.text for each in tree.iterfind(path, space)]

    assert said(".//p:NbOfTxs") == ["2", "2"]
    assert said(".//p:CtrlSum") == ["147492.00", "147492.00"]
    assert said(".//p:EndToEndId") == ["P2610-0001", "P2610-0002"]
    assert said(".//p:Cdtr/p:Nm") == ["Shakti <Recovery>", "Nivedita"]
    assert said(".//p:CdtrAgt//p:MmbId") == ["HDFC0001234", "SBIN0000300"]
    assert said(".//p:CreDtTm") == ["2026-11-05T10:30:00"]
    assert {pain001_file(BATCH, version).data for _ in range(20)} == {data}


def test_everything_the_bank_would_refuse_is_said_at_once():
    bad = (replace(BATCH.instructions[0], amount_minor=0), replace(BATCH.instructions[1], currency="KES", ref="P" * 40))
    with pytest.raises(Invalid) as refusal:
        pain001_file(replace(BATCH, instructions=bad, debit_account=""), "09")
    assert codes(refusal) == {"bad_amount", "mixed_currencies", "missing_setting", "too_long"}


def test_it_is_a_file_rail():
    assert isinstance(Pain001Rail(), FileRail)
    assert Pain001Rail("03").profile_name == "pain001_03"


def test_a_report_pays_one_and_rejects_the_other():
    data = report(told("P2610-0001", "ACSC") + told("P2610-0002", "RJCT", "5000.00", utr="", reason="AC04"))
    assert looks_like_pain002(data)
    assert original_message(data) == "B2610-01"
    verdicts, problems = judge(read_pain002(data), SENT)
    assert not problems
    assert [(each.ref, each.action, each.utr, each.reason) for each in verdicts] == [
        ("P2610-0001", "confirm", "UTR1", ""),
        ("P2610-0002", "fail", "", "AC04, Closed"),
    ]


def test_what_decides_nothing_has_no_effect_before_and_after():
    for status in ("sent", "paid", "returned"):
        held = {"P2610-0001": replace(SENT["P2610-0001"], status=status)}
        verdicts, problems = judge(read_pain002(report(told("P2610-0001", "ACSP"))), held)
        assert ([each.action for each in verdicts], problems) == (["known"], [])


def test_a_whole_file_may_be_rejected_at_once():
    records = read_pain002(report(group="<GrpSts>RJCT</GrpSts>", payment=False))
    assert [(each.ref, each.status, each.amount_minor) for each in records] == [("B2610-01", "failed", None)]


SUMS = (
    "<NbOfTxsPerSts><DtldNbOfTxs>1</DtldNbOfTxs><DtldSts>ACSC</DtldSts><DtldCtrlSum>9.00</DtldCtrlSum></NbOfTxsPerSts>"
)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (report(told("P2610-0001", "ACSC"))[:-40], "truncated"),
        (b"<!DOCTYPE x []>" + report(told("P2610-0001", "ACSC")), "dtd_refused"),
        (b"<Document/>", "not_pain002"),
        (report(told("P2610-0001", "WHAT")), "bad_status"),
        (report(told("", "ACSC")), "missing_reference"),
        (report(told("P2610-0001", "ACSC", amount="1e5")), "bad_amount"),
        (report(told("P2610-0001", "ACSC", currency="KES")), "altered_currency"),
        (report(told("P2610-0001", "ACSC"), group=f"<GrpSts>PART</GrpSts>{SUMS}"), "control_total"),
        (report(group="", payment=False), "no_status"),
    ],
)
def test_a_report_that_is_altered_or_cut_off_is_refused(data, code):
    with pytest.raises(Invalid) as refusal:
        read_pain002(data)
    assert code in codes(refusal)


def test_another_amount_than_we_sent_is_a_contradiction():
    verdicts, problems = judge(read_pain002(report(told("P2610-0001", "ACSC", amount="142492.01"))), SENT)
    assert (verdicts, [problem.code for problem in problems]) == ([], ["altered_amount"])
