"""The chain of a rupee, from every one of its ends."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from allocations.reconciliation.matching.ladder import rule_says
from payouts.trace import trace
from portal.kernel.errors import NotFound
from tests.factories.paid_month import a_paid_month
from tests.factories.world import a_user

WHOLE = [
    "payout",
    "payout_batch",
    "settlement",
    "statement_line",
    "accrual_line",
    "rate_card_version",
    "collection",
    "match_link",
    "bank_line",
    "posting",
]


@pytest.fixture
def paid(bank_session, file_store, now, tmp_path):
    return a_paid_month(bank_session, file_store, now, tmp_path)


@pytest.mark.parametrize(
    ("ref", "kind"),
    [
        ("P2610-0002", "payout"),
        ("B2610-01", "payout_batch"),
        ("S2610-VEGA", "settlement"),
        ("S2610-VEGA/1", "statement_line"),
        ("A2610.1-00003", "accrual_line"),
        ("R-2610002001", "collection"),
        ("r 2610002001", "collection"),
        ("BL-2610002001", "bank_line"),
        ("UTR2610002001", "bank_line"),
        ("PN2610002001", "posting"),
        ("PL-2026 v1", "rate_card_version"),
        ("PL-2026@1", "rate_card_version"),
        ("PL-2026", "rate_card_version"),
    ],
)
def test_every_end_leads_to_the_whole_chain(bank_session, paid, ref, kind):
    found = trace(bank_session, ref)
    assert found.type == kind
    assert found.types == WHOLE
    assert ("settlement", "S2610-VEGA") in [(node.type, node.ref) for node in found.chain]


def test_the_links_lead_both_ways_and_to_nodes_of_the_chain(bank_session, paid):
    chain = {node.key: node for node in trace(bank_session, "S2610-SHAKTI").chain}
    for node in chain.values():
        for key in node.down:
            assert node.key in chain[key].up
        for key in node.up:
            assert node.key in chain[key].down
    line = chain["statement_line:S2610-SHAKTI/1"]
    assert (line.up, line.down) == (["settlement:S2610-SHAKTI"], ["accrual_line:A2610.1-00001"])
    assert chain["payout:P2610-0001"].down == ["payout_batch:B2610-01", "settlement:S2610-SHAKTI"]


def test_a_node_says_what_a_person_needs_to_believe_it(bank_session, paid):
    chain = {node["type"]: node for node in trace(bank_session, "S2610-VEGA/1").as_dict()["chain"]}
    assert chain["settlement"]["facts"]["approved_by"] == "checker@bank.example"
    assert chain["payout"]["facts"] | {"utr": None} == {
        "amount": "5000.00",
        "currency": "INR",
        "status": "returned",
        "agency": "VEGA",
        "attempts": 1,
        "reason": "Account closed",
        "utr": None,
    }
    assert len(chain["bank_line"]["facts"]["file_sha256"]) == 64
    assert chain["match_link"]["facts"]["evidence"] == {"key": "UTR2610002001"}
    assert chain["collection"]["facts"]["confirmed"] == "100000.00"


def test_a_long_settlement_shows_some_lines_and_counts_the_rest(bank_session, paid):
    found = trace(bank_session, "S2610-SHAKTI", limit=1)
    assert (found.left_out, len([node for node in found.chain if node.type == "statement_line"])) == (2, 1)


@pytest.mark.parametrize("ref", ["", "nothing", "S2610-VEGA/99", "S2610-VEGA/99999999999999", "x" * 5000, "a\0b"])
def test_an_unknown_reference_is_not_found(bank_session, paid, ref):
    with pytest.raises(NotFound):
        trace(bank_session, ref)


def test_an_agency_traces_its_own_money_without_the_banks_batch(agency_session, paid):
    vega = agency_session(2)
    found = trace(vega, "S2610-VEGA/1")
    assert found.types == [kind for kind in WHOLE if kind != "payout_batch"]
    for foreign in ("S2610-SHAKTI/1", "P2610-0001", "R-2610001001", "BL-2610001001", "B2610-01", "A2610.1-00001"):
        with pytest.raises(NotFound):
            trace(vega, foreign)


def test_an_agency_learns_neither_who_at_the_bank_decided_nor_in_which_words(agency_session, bank_session, paid):
    bank_session.execute(
        text("update match_links set confirmed_by = 'maker@bank.example' where bank_line_id is not null")
    )
    bank_session.commit()
    told = {who: str(trace(who, "S2610-VEGA/1").as_dict()) for who in (bank_session, agency_session(2))}
    assert ["'confirmed_by': 'maker@bank.example'" in each for each in told.values()] == [True, False]


def test_an_agency_sees_in_shared_terms_only_what_they_earned_itself(agency_session, paid):
    found = trace(agency_session(2), "PL-2026")
    assert {node.facts.get("agency") for node in found.chain if node.type == "collection"} == {"VEGA"}


def test_the_command_prints_the_chain(cli, paid):
    result = cli("trace", "P2610-0001")
    assert (result.exit_code, result.json["type"]) == (0, "payout")
    assert {node["type"] for node in result.json["chain"]} == set(WHOLE)
    assert cli("trace", "nobody").exit_code == 1
    assert "₹78,400.00" in cli("trace", "P2610-0001", text=True).out


def test_a_match_says_its_rule_in_words_with_the_code_beside(cli, paid, browse, bank_session):
    a_user(bank_session, "auditor@bank.example", "auditor")
    bank_session.commit()
    code = next(
        node["facts"]["rule"] for node in cli("trace", "P2610-0001").json["chain"] if node["type"] == "match_link"
    )
    words = rule_says(code).rstrip(".")
    assert f"{words} ({code})" in cli("trace", "P2610-0001", text=True).out
    page = browse("auditor@bank.example").get("/audit/trace?ref=P2610-0001").text
    assert words in page and f'<small class="quiet">{code}, version 1</small>' in page and f"rule {code}" not in page
