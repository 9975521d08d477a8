"""Who may do what to the tables of casework: notes, settlements in full, plans, referrals, legal cases, letters, campaigns."""

from __future__ import annotations

from portal.access_lines import HELD_TODAY, OWN, UNDECIDED, Access, handed_in

CASEWORK: dict[str, Access] = {
    "case_notes": Access(  # an agency's own and what the bank shares, both only while it holds the account
        bank="si",
        agency="si",
        agency_rows=f"({OWN} or (agency_id is null and is_shared)) and {HELD_TODAY.format(table='case_notes', column='loan_account_id')}",
        agency_inserts=OWN,
    ),
    "compromise_offers": Access(
        bank_update=(
            *("status", "decided_level", "closed_on", "closed_by"),
            *("decided_by", "decided_at", "decision_reason"),
        ),
        agency="siu",
        agency_update=("status",),  # an agency may withdraw its own
        agency_writes="status in ('proposed','withdrawn') and decided_by is null",
        agency_inserts=(
            f"{UNDECIDED} and decided_level is null and closed_on is null and closed_by is null"
            f" and {handed_in('compromise_offers', 'evidence_sha256')}"
            f" and {HELD_TODAY.format(table='compromise_offers', column='loan_account_id')}"
        ),
    ),
    "compromise_assessments": Access(bank="si"),
    "credit_acknowledgements": Access(bank="si", agency="si"),
    "compromise_breaches": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "repayment_plans": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason", "closed_on"),
        agency="siu",
        agency_update=("status",),
        agency_writes="status in ('proposed','withdrawn') and decided_by is null",
        agency_inserts=(
            f"{UNDECIDED} and closed_on is null and not needs_approver"
            f" and {HELD_TODAY.format(table='repayment_plans', column='loan_account_id')}"
        ),
    ),
    "referrals": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason", "hold_cause", "outcome", "closed_on"),
        agency="siu",
        agency_update=("status",),
        agency_writes="status in ('proposed','withdrawn') and decided_by is null",
        agency_inserts=(
            f"{UNDECIDED} and hold_cause is null and outcome is null and closed_on is null"
            f" and {HELD_TODAY.format(table='referrals', column='loan_account_id')}"
        ),
    ),
    "legal_cases": Access(bank_update=("status", "counsel", "due_on", "outcome", "closed_on")),
    "legal_facts": Access(bank="si"),
    "legal_filings": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "legal_tasks": Access(
        bank_update=("status", "closed_by", "closed_at", "close_reason"),
        agency="s",
        agency_rows=f"{OWN} and {HELD_TODAY.format(table='legal_tasks', column='loan_account_id')}",
        agency_select=(  # which paper of which account; neither of which case, nor who at the bank asks
            *("id", "agency_id", "loan_account_id", "paper", "note", "due_on", "status", "asked_at", "closed_at"),
            *("close_reason",),
        ),
    ),
    "legal_task_papers": Access(
        bank="s",
        agency="si",
        agency_rows=f"{OWN} and exists (select 1 from legal_tasks t where t.id = legal_task_papers.task_id)",
        agency_writes=(
            f"{handed_in('legal_task_papers', 'file_sha256')}"
            " and exists (select 1 from legal_tasks t where t.id = legal_task_papers.task_id and t.status = 'open')"
        ),
    ),
    "letter_templates": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "letter_runs": Access(bank_update=("status", "progress_id", "letters", "left_out", "zip_sha256", "csv_sha256")),
    "letters": Access(bank="si"),
    "letter_dispatches": Access(
        bank_update=("outcome", "outcome_on", "outcome_note", "outcome_sha256", "outcome_name", "outcome_by")
    ),
    "campaigns": Access(
        bank_update=(
            *("status", "decided_by", "decided_at", "decision_reason", "spent_minor"),
            *("started_by", "started_at", "members", "controls"),
        )
    ),
    "campaign_members": Access(bank="si"),
}
