"""Every column of every table: sealed, printed, proved otherwise, or named here as not proved, with the reason."""

from __future__ import annotations

from portal.kernel.prints import MANY, UNCOVERED, UNPRINTED, covered, printed_tables
from portal.schema import sealed_tables
from portal.tables import whole_metadata

# Columns that neither a seal nor a print covers, and which check of `portal verify` finds them edited.
PROVED_OTHERWISE = {
    "account_outcomes": {
        "outcomes": "outcome_set_id allocation_id loan_account_no product opening_bucket opening_principal_minor opening_overdue_minor"
        " closing_dpd_days closing_bucket snapshot_on is_measured outcome",
        "copies": "agency_id",
    },
    "accrual_lines": {"decided": "event_id adjustment_id", "accruals": "facts steps"},
    "bank_lines": {"links": "linked_minor", "acts": "settled_minor"},
    "breaks": {
        "reconciliation": "code side ref collection_id bank_line_id posting_id amount_minor currency due_on owner mark"
    },
    "collection_versions": {"corrections": "body correction_id", "copies": "agency_id"},
    "collections": {
        "links": "linked_minor",
        "acts": "written_off_minor",
        "corrections": "version",
        "copies": "loan_account_no",
        "reconciliation": "receipt_key",
    },
    "contacts": {"copies": "loan_account_no"},
    "deposit_items": {"deposits": "deposit_id amount_minor", "copies": "agency_id"},
    "loan_accounts": {
        "copies": "loan_account_no currency",
        "accounts": "latest_as_of latest_dpd_days latest_bucket latest_asset_class latest_principal_minor latest_total_minor"
        " latest_overdue_minor latest_emi_minor",
    },
    "match_links": {"reconciliation": "status mark", "links": "status"},
    "postings": {"links": "linked_minor", "copies": "loan_account_no"},
    "promises": {"copies": "loan_account_no"},
    "strategy_choices": {
        "strategies": "loan_account_no product bucket state region pincode branch_code language risk_grade dpd_days principal_minor"
        " opening_on before holder stop rule arm taker reason"
    },
    "settlement_lines": {"disputes": "dispute_id", "copies": "currency"},
    "settlements": {"settlements": "statement_text", "issued": "frozen"},
    "simulations": {"decided": "result"},
    "unpaid_collections": {
        "accruals": "run_id agency_id collection_id code amount_minor currency cure owner detail",
    },
}
# What an edit by hand would not show, and why that is borne. A column that is not here must be proved.
SPELT = "spelt from a sealed column for finding it; matching reads it anew at the next run"
TOLD = "who did it stands in the audit log, which is proved, and in the act by hand, which is printed"
AGAIN = "comes anew with every month's file, which is kept under its hash"
PLACE = "where the phone said it was: a claim that decides nothing; evidence has its own, sealed"
PHONE = "the phone's own name for it, against sending twice"
WORKED = "how a clerk works it off; what it is about is marked by the run"
ANSWERED = "as the letter house's file has it, which is kept under its hash; earns nothing"
FILED = "as the file has it, which is kept under its hash; earns nothing"
NOT_PROVED = {
    "bank_lines": {
        "ref_keys fingerprint occurrence": SPELT,
        "returned_minor": "set anew from the debits at every run",
    },
    "breaks": {
        "receipt_range_id agency_id opened_on cure status closed_at detail misses assigned_to run_id": WORKED,
    },
    "collections": {
        "instrument_key slip_key check_code receipt_fold": SPELT,
        "latitude longitude accuracy_m": PLACE,
        "reported_by reported_at source": TOLD,
        "client_id": PHONE,
        "remarks": "a note that decides nothing",
    },
    "borrower_notices": {"status batch_ref exported_at sent_at failure answer_sha256": ANSWERED},
    "contacts": {
        "ref source client_id": PHONE,
        "next_on collection_id": "a plan, and which receipt it led to; earns nothing",
        "reported_by": TOLD,
    },
    "loan_accounts": {
        "customer_name mobile email address city pincode state region branch_code language risk_grade product sanctioned_on"
        " npa_on written_off_on secured security_value_minor interest_rate latitude longitude"
        " virtual_account_no virtual_account_key": AGAIN,
    },
    "match_links": {
        "evidence score rivals run_id": "why the run chose it; the mark covers what it chose",
        "created_at confirmed_by confirmed_at undone_by undone_at undo_reason": TOLD,
    },
    "postings": {
        "instrument_key receipt_key": SPELT,
        "component_principal_minor component_interest_minor component_charges_minor file_sha256 imported_at": FILED,
    },
    "promises": {
        "allocation_id contact_id agent_code recorded_at made_by replaced_on": "what a borrower said; earns nothing"
    },
    "users": {"last_signed_in_at": "for people to read"},
}


def words(found: dict[str, dict[str, str]], *, in_keys: bool) -> dict[str, set[str]]:
    return {
        table: {word for key, value in each.items() for word in (key if in_keys else value).split()}
        for table, each in found.items()
    }


def test_every_column_is_proved_or_named_with_the_reason_why_not():
    metadata, sealed = whole_metadata(), sealed_tables()
    printed = {table.name for table in printed_tables(metadata)}
    otherwise, not_proved = words(PROVED_OTHERWISE, in_keys=False), words(NOT_PROVED, in_keys=True)
    for table in metadata.sorted_tables:
        if table.name not in printed and UNPRINTED[table.name] != MANY:
            continue
        keys = {column.name for column in table.columns if column.primary_key or column.computed is not None}
        here = set(sealed.get(table.name, ())) | set(covered(table) if table.name in printed else ())
        left = {column.name for column in table.columns} - keys - here - {"seal"}
        assert left == otherwise.get(table.name, set()) | not_proved.get(table.name, set()), table.name
        assert not otherwise.get(table.name, set()) & not_proved.get(table.name, set()), table.name
    assert set(otherwise) | set(not_proved) <= set(metadata.tables)


def test_no_amount_goes_unproved_but_what_earns_nothing():
    borne = {each for columns in words(NOT_PROVED, in_keys=True).values() for each in columns}
    assert {each for each in borne if each.endswith("_minor")} == {
        "returned_minor",
        "security_value_minor",
        "component_principal_minor",
        "component_interest_minor",
        "component_charges_minor",
    }


def test_what_prints_leave_out_exists():
    metadata = whole_metadata()
    assert set(UNPRINTED) <= set(metadata.tables)
    assert all(set(columns) <= set(metadata.tables[table].columns.keys()) for table, columns in UNCOVERED.items())
