"""Who may do what to which table: one line a table, for the bank's role and for an agency's, and which rows an agency sees."""

from __future__ import annotations

from allocations.collections.models import CORRECTABLE
from portal.access_lines import (
    AGENCY,
    BANKS_OWN,
    HELD_TODAY,
    OWN,
    OWN_LETTER,
    PROPOSED,
    READ_BY_ALL,
    UNDECIDED,
    Access,
    handed_in,
)
from portal.accesses_casework import CASEWORK
from portal.accesses_conduct import CONDUCT
from portal.accesses_empanelment import EMPANELMENT

ACCOUNT_FACTS = (
    *(
        "id",
        "loan_account_no",
        "loan_account_key",
        "customer_name",
        "mobile",
        "email",
        "address",
        "city",
        "pincode",
        "state",
    ),
    *("region", "branch_code", "language", "product", "sanctioned_on", "npa_on", "written_off_on", "secured"),
    *(
        "security_value_minor",
        "interest_rate",
        "latitude",
        "longitude",
        "virtual_account_no",
        "virtual_account_key",
        "currency",
    ),
    *("latest_as_of", "latest_dpd_days", "latest_bucket", "latest_asset_class", "latest_principal_minor"),
    *("latest_total_minor", "latest_overdue_minor", "latest_emi_minor"),
)

ACCESS: dict[str, Access] = {
    "audit_events": Access(bank="s"),
    "audit_head": Access(bank="s"),
    "row_prints": Access(bank="s"),  # kept by triggers alone
    "stored_files": Access(bank="si", agency="si"),
    "job_progress": Access(agency="siu"),
    "users": Access(agency="s", agency_select=("id", "email", "name", "role", "agency_id", "is_enabled", "created_at")),
    "person_ties": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "user_sessions": BANKS_OWN,
    "one_time_links": BANKS_OWN,
    "sign_in_attempts": Access(bank="sid"),
    "public_misses": Access(bank="sid"),
    "spent_tokens": Access(bank="sid", agency="si", agency_rows="true"),
    "lenders": READ_BY_ALL,
    "dated_settings": READ_BY_ALL,
    "bucket_schemes": READ_BY_ALL,
    "agencies": Access(agency="s", agency_rows=f"id = {AGENCY}"),
    "agency_bank_details": Access(
        agency="si",
        agency_writes="status = 'proposed' and approved_by is null and usable_from is null and name_check = 'not_attempted'",
        agency_inserts=(
            "approved_at is null and decision_reason is null and name_at_bank = '' and name_checked_at is null"
            " and name_checked_by is null"
        ),
        bank_update=(
            *("status", "approved_by", "approved_at", "decision_reason", "usable_from"),
            *("name_check", "name_at_bank", "name_checked_at", "name_checked_by"),
        ),
    ),
    "bank_detail_call_backs": Access(bank="si"),
    **EMPANELMENT,
    "notices": Access(
        bank_update=("sent_at", "tries", "error"),
        agency="si",
        agency_writes=f"sent_at is null and tries = 0 and error = '' and {OWN_LETTER}",
    ),
    "agents": Access(agency="s"),  # who is certified, verified and active is for the bank to say
    "loan_accounts": Access(
        agency="s",
        agency_rows=HELD_TODAY.format(table="loan_accounts", column="id"),
        agency_select=ACCOUNT_FACTS,  # all but how risky the bank takes the borrower to be
    ),
    "account_snapshots": Access(
        bank="si", agency="s", agency_rows=HELD_TODAY.format(table="account_snapshots", column="loan_account_id")
    ),
    "placements": Access(
        agency="s",
        agency_rows=f"exists (select 1 from allocations a where a.placement_id = placements.id and a.agency_id = {AGENCY})",
    ),
    "allocations": Access(agency="s", bank_update=("to_on", "recalled_at", "recall_reason", "agent_id")),
    "holds": Access(
        agency="s",
        agency_rows=HELD_TODAY.format(table="holds", column="loan_account_id"),
        # that it is on hold, since when, and a cause that points at nobody; never why, in the bank's own words
        agency_select=("id", "loan_account_id", "from_on", "to_on", "effect", "told_cause"),
    ),
    "allocation_requests": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="siu",
        agency_rows=f"{OWN} and side = 'agency'",
        agency_update=("status",),  # an agency may take back what it asked
        agency_writes="side = 'agency' and status in ('proposed','withdrawn') and decided_by is null",
        agency_inserts=UNDECIDED,
    ),
    "borrower_notices": Access(
        bank_update=("status", "batch_ref", "exported_at", "sent_at", "failure", "answer_sha256"),
        agency="s",
    ),
    "uploads": Access(
        agency="siu",
        agency_writes=f"{handed_in('uploads', 'file_sha256')} and {handed_in('uploads', 'rejected_sha256')}",
    ),
    "upload_problems": Access(bank="sid", agency="sid"),  # what a dry run found makes room for the next
    "upload_layouts": Access(agency="siu"),
    "collections": Access(
        agency="si",
        agency_writes="source <> 'direct'",  # that a borrower paid the bank itself is for the bank to say
        agency_inserts="linked_minor = 0 and written_off_minor = 0 and version = 1",
        bank_update=("linked_minor", "written_off_minor", "version", *CORRECTABLE),
    ),
    "collection_versions": Access(bank="si", agency="s"),
    "collection_corrections": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="siu",
        agency_update=("status",),  # an agency may withdraw its own
        agency_writes="status in ('proposed','withdrawn') and decided_by is null",
        agency_inserts=UNDECIDED,
    ),
    "receipt_books": Access(bank_update=("returned_on", "returned_by"), agency="s"),
    "receipt_ranges": Access(bank="s", agency="siu", agency_update=("returned_on", "returned_by")),
    "receipt_marks": Access(
        bank_update=("status", "decided_by", "decided_at"),
        agency="siu",
        agency_update=("status", "decided_by", "decided_at"),  # a second person of its office confirms
        agency_inserts=PROPOSED,
    ),
    "deposits": Access(bank="si", agency="si"),
    "deposit_items": Access(bank="si", agency="si"),
    "contacts": Access(bank="si", agency="si"),
    "promises": Access(bank_update=("replaced_on",), agency="siu", agency_update=("replaced_on",)),
    "evidence": Access(
        bank_update=(
            *("status", "refusal", "copy_sha256", "copy_media_type", "thumbnail_sha256", "media_type", "claims"),
            *(
                "pixels_sha256",
                "look",
                "place_key",
                "review",
                "reviewed_by",
                "reviewed_at",
                "review_reason",
                "legal_hold",
                "purged_at",
            ),
        ),
        agency="si",
        agency_writes=handed_in("evidence", "sha256"),
        agency_inserts=(
            "status = 'waiting' and refusal is null and copy_sha256 is null and copy_media_type is null and thumbnail_sha256 is null"
            " and pixels_sha256 is null and look is null and place_key is null and review = 'waiting' and reviewed_by is null"
            " and reviewed_at is null and review_reason is null and not legal_hold and purged_at is null"
        ),
    ),
    "evidence_flags": Access(bank="si"),
    "bank_accounts": BANKS_OWN,
    "bank_statements": Access(
        bank_update=("status", "accepted_by", "accepted_at", "accept_reason", "flags"),
        agency="s",
        agency_rows="exists (select 1 from bank_lines b where b.statement_id = bank_statements.id)",
    ),
    "bank_lines": Access(
        bank_update=("linked_minor", "settled_minor", "returned_minor"),
        agency="s",
        agency_rows=(
            "exists (select 1 from match_links l where l.bank_line_id = bank_lines.id"
            f" and l.agency_id = {AGENCY} and l.status = 'confirmed')"
        ),
    ),
    "postings": Access(
        bank_update=("linked_minor",),
        agency="s",
        agency_rows=(
            "exists (select 1 from match_links l where l.posting_id = postings.id"
            f" and l.agency_id = {AGENCY} and l.status = 'confirmed')"
        ),
    ),
    "recon_runs": Access(bank="si"),
    "match_links": Access(
        agency="s",
        agency_select=(  # neither rivals nor evidence, nor who at the bank tied it or took it apart, and why
            *("id", "agency_id", "collection_id", "bank_line_id", "posting_id", "amount_minor", "status", "rule"),
            *("rule_version", "created_at", "confirmed_at", "undone_at"),
        ),
        bank_update=("status", "confirmed_by", "confirmed_at", "undone_by", "undone_at", "undo_reason", "mark"),
    ),
    "breaks": Access(
        agency="s",
        agency_rows=f"{OWN} and detail -> 'accepted_by' is null",  # whom at the bank it satisfied, and why, is the bank's to know
        agency_select=(  # all but the nearest misses
            *(
                "id",
                "code",
                "side",
                "ref",
                "collection_id",
                "bank_line_id",
                "posting_id",
                "receipt_range_id",
                "agency_id",
            ),
            *(
                "amount_minor",
                "currency",
                "opened_on",
                "due_on",
                "owner",
                "cure",
                "status",
                "closed_at",
                "detail",
                "run_id",
            ),
        ),
    ),
    "recon_queue": Access(bank="sid"),
    "common_keys": Access(bank="sid"),
    "match_ladders": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "hand_acts": Access(
        bank_update=(
            "status",
            "link_id",
            "debit_line_id",
            "direct_payment_id",
            "decided_by",
            "decided_at",
            "decision_reason",
        )
    ),
    "payer_rules": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "direct_payments": Access(
        bank_update=("status", "collection_id", "settled_at", "amount_minor", "claim_until"),
        agency="s",
        agency_select=(  # all but the credit
            *("id", "agency_id", "allocation_id", "loan_account_id", "loan_account_no", "amount_minor", "currency"),
            *("value_on", "sign", "status", "found_on", "told_at", "claim_until", "collection_id", "settled_at"),
        ),
    ),
    "bank_profiles": Access(bank_update=("is_active",)),
    "saved_filters": Access(bank="sid"),
    "strategies": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "strategy_runs": Access(
        bank_update=(
            *("status", "proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason", "placement_id"),
        )
    ),
    "strategy_choices": Access(bank="si"),
    "staff_members": BANKS_OWN,
    "staff_allocations": Access(bank_update=("to_on",)),
    "outcome_sets": Access(
        bank_update=("is_current",),
        agency="s",
        agency_rows="true",
        agency_select=("id", "period_start", "version", "is_current", "made_at"),
    ),
    "account_outcomes": Access(bank="si", agency="s"),
    "agency_measures": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="s",
        agency_rows=f"{OWN} and status = 'approved'",
    ),
    "score_schemes": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "score_runs": Access(bank_update=("is_current", "published_by", "published_at")),
    "scorecards": Access(bank_update=("published_at",), agency="s", agency_rows=f"{OWN} and published_at is not null"),
    "score_disputes": Access(
        bank_update=("status", "corrected", "decided_by", "decided_at", "decision_reason"),
        agency="si",
        agency_writes=f"{UNDECIDED} and corrected is null",
    ),
    "score_consequences": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="s",
        agency_rows=f"{OWN} and status = 'accepted'",
    ),
    "report_runs": Access(bank="si"),
    "report_schedules": Access(bank_update=("ended_by", "ended_at")),
    "report_deliveries": Access(bank_update=("run_id", "problem", "tries", "tried_at")),
    "audit_packs": Access(bank="si"),
    **CONDUCT,
    "one_time_settlements": Access(
        bank_update=("status", "to_on", "decided_by", "decided_at", "decision_reason"),
        agency="s",
        agency_rows=f"status in ('approved','broken') and {HELD_TODAY.format(table='one_time_settlements', column='loan_account_id')}",
        # what stands and prices money; neither what is only proposed, nor why the bank takes it, in its own words
        agency_select=("id", "loan_account_id", "kind", "agreed_minor", "currency", "from_on", "to_on", "status"),
    ),
    **CASEWORK,
    "earning_events": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="siu",
        agency_update=("status",),  # an agency may withdraw its own claim
        agency_writes="source = 'agency' and status in ('proposed','withdrawn') and decided_by is null",
        agency_inserts=UNDECIDED,
    ),
    "manual_adjustments": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="s",
        agency_rows=f"{OWN} and status = 'accepted'",
    ),
    "simulations": Access(bank_update=("status", "result", "result_hash", "finished_at")),
    "rate_cards": Access(
        agency="s",
        agency_rows="exists (select 1 from rate_card_versions v where v.rate_card_id = rate_cards.id)",
    ),
    "rate_card_versions": Access(
        bank_update=("status", "lint", "decided_by", "decided_at", "decision_comment"),
        agency="s",
        agency_rows=(
            "exists (select 1 from accrual_lines l where l.rate_card_version_id = rate_card_versions.id"
            f" and l.agency_id = {AGENCY}) or (status = 'approved' and exists (select 1 from agency_terms t"
            f" where t.rate_card_id = rate_card_versions.rate_card_id and t.agency_id = {AGENCY}))"
        ),
    ),
    "agency_terms": Access(agency="s"),
    "accrual_runs": Access(
        bank_update=("is_current",),
        agency="s",
        agency_rows="true",
        agency_select=("id", "period_start", "version", "is_current", "currency", "run_at"),
    ),
    "accrual_lines": Access(bank="si", agency="s"),
    "unpaid_collections": Access(bank="si", agency="s"),
    "settlements": Access(
        agency="su",
        agency_rows=f"{OWN} and (status in ('approved','paying','paid','returned') or (status = 'void' and approved_by is not null))",
        agency_update=("answer", "answered_by", "answered_at", "lock_version"),
    ),
    "settlement_lines": Access(
        bank="si",
        agency="s",
        agency_rows=f"{OWN} and exists (select 1 from settlements s where s.id = settlement_lines.settlement_id)",
    ),
    "settlement_repointings": Access(
        bank_update=("status", "checked_by", "checked_at", "decided_by", "decided_at", "decision_reason"),
        agency="s",
        agency_rows=f"{OWN} and status = 'accepted'",
        agency_select=(  # that it was pointed elsewhere, and the proof; not by whom
            *("id", "ref", "agency_id", "settlement_id", "number", "statement_hash", "from_detail_id", "to_detail_id"),
            *("reason", "hash", "status", "decided_at"),
        ),
    ),
    "disputes": Access(
        bank_update=(
            *("status", "proposed_minor", "proposal_reason", "proposed_by", "proposed_at", "granted_minor"),
            *("decision_reason", "decided_by", "decided_at", "adjustment_ref"),
        ),
        agency="siu",
        agency_update=("status",),  # an agency may withdraw its own
        agency_writes="status in ('open','withdrawn') and complaint_ref = ''",
        agency_inserts=(
            "status = 'open' and proposed_minor is null and proposal_reason is null and proposed_by is null and proposed_at is null"
            " and granted_minor is null and decision_reason is null and decided_by is null and decided_at is null"
            " and adjustment_ref is null and freed_at is null"
        ),
        agency_select=(  # all but what is only proposed at the bank, and by whom
            *("id", "ref", "agency_id", "settlement_id", "settlement_line_id", "collection_id", "reason", "line_minor"),
            *("claimed_minor", "held_minor", "currency", "due_on", "status", "opened_by", "opened_at", "granted_minor"),
            *("decision_reason", "decided_at", "adjustment_ref", "freed_at", "complaint_ref", "seal"),
        ),
    ),
    "dispute_messages": Access(
        bank="si",
        agency="si",
        agency_writes=f"side = 'agency' and {handed_in('dispute_messages', 'file_sha256')}",
    ),
    "tax_invoices": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="siu",
        agency_update=("status",),
        agency_writes="source = 'agency' and status in ('proposed','withdrawn') and decided_by is null",
        agency_inserts=f"{UNDECIDED} and {handed_in('tax_invoices', 'file_sha256')}",
    ),
    "tax_certificates": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason"), agency="s"),
    "withholding_deposits": Access(
        bank_update=(
            *("status", "decided_by", "decided_at", "decision_reason"),
            *("cancel_asked_by", "cancel_asked_at", "cancelled_by"),
        )
    ),
    "withholding_deposit_lines": Access(bank="si"),
    "tax_papers": Access(bank="si"),
    "signing_keys": Access(bank_update=("retired_at",), agency="s", agency_rows="true"),
    "statement_signatures": Access(bank="si", agency="s"),
    "item_acts": Access(bank="si"),
    "approval_limits": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "delegations": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    # What is kept of an agency's money while it contests a line is posted by the database itself (portal/dispute_triggers.py); the
    # agency's session reads these two accounts and writes nothing.
    "journal_entries": Access(
        bank="si",
        agency="s",
        agency_select=("id", "ref", "subject_ref", "kind", "seal"),
        agency_rows="kind = 'dispute' and exists (select 1 from disputes d where d.ref = journal_entries.subject_ref)",
    ),
    "journal_lines": Access(
        bank="si",
        agency="s",
        agency_select=("id", "entry_id", "account", "agency_id", "debit_minor", "credit_minor", "currency"),
        agency_rows=f"{OWN} and account in ('payable_to_agency','disputed')"
        " and exists (select 1 from journal_entries e where e.id = journal_lines.entry_id)",
    ),
    "payout_batches": BANKS_OWN,
    "payouts": Access(
        bank_update=(
            *("status", "attempts", "provider_ref", "reason", "paid_on", "updated_at", "first_sent_at", "looked_up_at"),
            *("request", "destination"),
        ),
        agency="s",
    ),
    "payout_profiles": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "connected_accounts": Access(agency="s"),
    "provider_events": Access(bank_update=("done_at", "effect")),
    "paying_stops": Access(bank_update=("asked_by", "asked_at", "lifted_by", "lifted_at", "lift_reason")),
    "payout_findings": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "payout_debits": Access(bank_update=("undone_by", "undone_at", "undo_reason")),
    "bank_answers": Access(bank="si"),
}
