"""Who may do what to the tables of complaints, early warnings, visits called back and fraud."""

from __future__ import annotations

from portal.access_lines import OWN, TODAY, Access, handed_in

CONDUCT: dict[str, Access] = {
    # Who complained stays with the bank; what was told to the agency is in the bank's words, and only from that day on.
    "complaints": Access(
        bank_update=(
            *(
                "category",
                "severity",
                "loan_account_id",
                "agency_id",
                "agent_id",
                "is_holding",
                "status",
                "told_agency",
            ),
            *("told_at", "agency_due_on", "finding", "compensation_minor", "currency", "root_cause", "action"),
            *("proposal_reason", "proposed_by", "proposed_at", "decided_by", "decided_at", "decision_reason"),
            *("closed_by", "closed_at"),
        ),
        agency="s",
        agency_rows=f"{OWN} and told_at is not null",
        agency_select=(
            *("id", "ref", "agency_id", "agent_id", "loan_account_id", "category", "severity", "status", "is_holding"),
            *("told_agency", "told_at", "agency_due_on", "closed_at"),
        ),
    ),
    "complaint_messages": Access(
        bank="si",
        agency="si",
        agency_rows=(
            f"{OWN} and (side = 'agency' or for_agency) and exists"
            " (select 1 from complaints c where c.id = complaint_messages.complaint_id)"
        ),
        agency_writes=f"side = 'agency' and not for_agency and {handed_in('complaint_messages', 'file_sha256')}",
    ),
    "visit_samples": Access(bank="si"),
    "visit_checks": Access(bank_update=("result", "note", "called_by", "called_at")),
    # Confidential: an agency reads its notice, and says what it has to say.
    "fraud_cases": Access(
        bank_update=(
            *(
                "status",
                "is_holding",
                "notice",
                "notice_at",
                "reply_until",
                "finding",
                "proposal_reason",
                "proposed_by",
            ),
            *(
                "proposed_at",
                "decided_by",
                "decided_at",
                "decision_reason",
                "report_due_on",
                "reported_by",
                "reported_at",
            ),
            "report_ref",
        ),
        agency="s",
        agency_rows=f"{OWN} and notice_at is not null",
        agency_select=("id", "ref", "agency_id", "status", "notice", "notice_at", "reply_until"),
    ),
    "fraud_replies": Access(
        bank="s",
        agency="si",
        agency_writes=(
            f"{handed_in('fraud_replies', 'file_sha256')} and exists (select 1 from fraud_cases c"
            f" where c.id = fraud_replies.case_id and c.reply_until >= {TODAY} and c.status in ('notice_sent','replied'))"
        ),
    ),
    "conduct_flags": Access(bank_update=("status", "reason", "case_ref", "moved_by", "moved_at")),
}
