"""Who may do what to the tables of empanelment: moves of an agency's status, papers, inspections, agents' papers."""

from __future__ import annotations

from portal.access_lines import OWN, UNDECIDED, Access, handed_in

EMPANELMENT: dict[str, Access] = {
    "agency_moves": Access(
        bank_update=("status", "effect", "decided_by", "decided_at", "decision_reason"),
        agency="s",
        agency_rows=f"{OWN} and status = 'accepted'",
        agency_select=(  # what became of it; not by whom at the bank, nor the bank's own papers about it
            *("id", "agency_id", "action", "from_status", "to_status", "from_on", "reason", "status", "decided_at"),
        ),
    ),
    "agency_changes": Access(bank_update=("status", "decided_by", "decided_at", "decision_reason")),
    "agency_papers": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="si",
        agency_rows=f"{OWN} and kind <> 'board_approval'",  # what its committee said is the bank's own
        agency_inserts=(
            f"{UNDECIDED} and source = 'agency' and kind <> 'board_approval'"
            f" and {handed_in('agency_papers', 'file_sha256')}"
        ),
    ),
    "agency_inspections": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="s",
        agency_rows=f"{OWN} and status = 'approved'",
    ),
    "inspection_findings": Access(
        bank="si",
        agency="s",
        agency_rows=(
            f"{OWN} and exists (select 1 from agency_inspections i where i.id = inspection_findings.inspection_id"
            " and i.status = 'approved')"
        ),
    ),
    "finding_answers": Access(
        bank_update=("status", "decided_by", "decided_at", "decision_reason"),
        agency="si",
        agency_inserts=f"{UNDECIDED} and {handed_in('finding_answers', 'file_sha256')}",
    ),
    "agent_papers": Access(
        bank_update=(
            *("status", "decided_by", "decided_at", "decision_reason", "token"),
            *("revoked_at", "revoked_by", "revoke_reason"),
        ),
        agency="si",
        agency_inserts=(
            f"{UNDECIDED} and source = 'agency' and token is null and revoked_at is null and revoked_by is null"
            f" and revoke_reason = '' and {handed_in('agent_papers', 'file_sha256')}"
            f" and {handed_in('agent_papers', 'photo_sha256')}"
        ),
    ),
}
