"""Menus as data: for each role what it may go to, grouped by what people do. Pages not registered yet are left out."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to go. `bar` ranks it for the phone's bottom bar (1 first); `primary` is the act within the thumb's reach.

    `also` names modules whose pages belong here though they have no entry of their own.
    """

    endpoint: str
    word: str
    icon: str
    bar: int = 0
    primary: bool = False
    roles: frozenset[str] = frozenset()
    also: tuple[str, ...] = ()

    def for_someone(self, role: str) -> bool:
        return not self.roles or role in self.roles

    def is_here(self, endpoint: str | None) -> bool:
        """Whether the page being shown belongs under this entry: the same page, or one of its module without an entry."""
        if endpoint is None or endpoint == self.endpoint:
            return endpoint is not None
        module = endpoint.rpartition(".")[0]
        if module in self.also:
            return True
        return not self.primary and endpoint not in ENDPOINTS and module == self.endpoint.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under one word: Work, Money, People, Prove."""

    word: str
    entries: tuple[Entry, ...]


AGENCY_STAFF = frozenset({"agency_owner", "agency_accountant"})
OWNER = frozenset({"agency_owner"})

TAX = ("finance_certificates", "finance_deposits", "finance_papers")
ASKED = ("bank_requests", "bank_recalls", "bank_holds", "bank_borrower_notices")
PLACING = ("bank_strategies", "bank_strategy_runs", "bank_staff", *ASKED)
PAYING = ("finance_payout", "finance_debits", "finance_layouts", "finance_connect", "finance_stops")

AGENCY = (
    Group(
        "Work",
        (
            Entry("agency_home.index", "Home", "house", bar=1),
            Entry("agency_field.index", "In the field", "phone"),
            Entry("agency_accounts.index", "Accounts", "person-lines-fill", bar=2, also=("agency_requests",)),
            Entry("agency_collections.new", "Add a collection", "plus-lg", bar=3, primary=True),
            Entry("agency_collections.index", "Collections", "receipt", bar=4),
            Entry("agency_uploads.index", "Uploads", "cloud-upload", also=("agency_corrections",)),
            Entry("agency_promises.index", "Promises", "calendar-check"),
            Entry("agency_contacts.index", "Contacts", "telephone"),
            Entry("agency_offers.index", "Casework", "briefcase", roles=AGENCY_STAFF, also=("agency_plans",)),
            Entry("agency_evidence.index", "Evidence", "camera"),
            Entry("agency_deposits.index", "Deposits", "wallet2"),
            Entry("agency_books.index", "Receipt books", "journals"),
            Entry("agency_breaks.index", "Not tied", "exclamation-triangle"),
            Entry("agency_direct.index", "Paid direct", "bank2"),
            Entry("agency_legal_tasks.index", "Legal papers", "file-ruled", roles=AGENCY_STAFF),
        ),
    ),
    Group(
        "Money",
        (
            Entry("agency_commission.index", "Commission", "calculator", roles=AGENCY_STAFF, also=("agency_forecast",)),
            Entry(
                "agency_statements.index",
                "Statements",
                "file-earmark-text",
                roles=AGENCY_STAFF,
                also=("agency_answers",),
            ),
            Entry("agency_disputes.index", "Disputes", "chat-left-text", roles=AGENCY_STAFF),
            Entry("agency_events.index", "Events", "calendar-event", roles=AGENCY_STAFF),
            Entry("agency_payouts.index", "Payouts", "bank", roles=AGENCY_STAFF),
        ),
    ),
    Group(
        "People",
        (
            Entry(
                "agency_complaints.index", "Complaints", "chat-left-dots", roles=AGENCY_STAFF, also=("agency_notices",)
            ),
            Entry("agency_scorecards.index", "Scorecard", "speedometer2", roles=AGENCY_STAFF),
            Entry("agency_team.index", "Team", "people", roles=AGENCY_STAFF),
            Entry(
                "agency_team.company",
                "Company",
                "building",
                roles=OWNER,
                also=("agency_bank_details", "agency_connect", "agency_papers"),
            ),
        ),
    ),
)

EMPANELMENT = ("bank_reach", "bank_details", "bank_empanelment", "bank_changes", "bank_papers", "bank_inspections")

BANK = (
    Group(
        "Work",
        (
            Entry("bank_home.index", "Home", "house", bar=1),
            Entry(
                "bank_reconciliation.index",
                "Reconcile",
                "intersect",
                bar=2,
                also=("bank_bench", "bank_bulk", "bank_links"),
            ),
            Entry("bank_breaks.index", "Breaks", "exclamation-triangle", bar=3),
            Entry("bank_suspense.index", "Suspense", "question-circle", also=("bank_direct",)),
            Entry("bank_acts.index", "Second person", "people", also=("bank_payers",)),
            Entry("bank_uploads.index", "Uploads", "cloud-upload"),
            Entry("bank_corrections.index", "Corrections", "pencil-square"),
            Entry("bank_books.index", "Receipt books", "journals"),
            Entry("bank_cash.index", "Cash in hand", "wallet2"),
            Entry("bank_statements.index", "Bank statements", "journal-text", also=("bank_profiles",)),
            Entry("bank_ladders.index", "Matching rules", "list-ol"),
            Entry("bank_postings.index", "Core banking", "journal-check"),
            Entry("bank_placements.index", "Placements", "box-arrow-in-right", also=PLACING),
            Entry("bank_accounts.index", "Portfolio", "collection"),
            Entry(
                "bank_offers.index",
                "Casework",
                "briefcase",
                also=("bank_offers_report", "bank_plans", "bank_referrals", "bank_notes"),
            ),
            Entry("bank_campaigns.index", "Campaigns", "megaphone"),
            Entry(
                "bank_legal.index",
                "Legal",
                "file-ruled",
                also=("bank_legal_tasks", "bank_letters", "bank_letter_runs", "bank_letter_templates"),
            ),
            Entry("bank_contacts.index", "Contacts", "telephone"),
            Entry("bank_evidence.index", "Evidence", "camera"),
        ),
    ),
    Group(
        "Money",
        (
            Entry("bank_settlements.index", "Settlements", "file-earmark-check", also=("bank_settlements_bulk",)),
            Entry("bank_disputes.index", "Disputes", "chat-left-text"),
            Entry("bank_invoices.index", "Tax invoices", "receipt-cutoff"),
            Entry("bank_commission.index", "Commission", "calculator"),
            Entry("bank_outcomes.index", "Outcomes", "graph-up-arrow", also=("bank_curves",)),
            Entry(
                "bank_events.index",
                "Events",
                "calendar-event",
                also=("bank_adjustments", "bank_measures", "bank_compromises"),
            ),
            Entry(
                "bank_rate_cards.index", "Rate cards", "bar-chart-steps", also=("bank_rate_cards_edit", "bank_what_if")
            ),
            Entry("finance_payouts.index", "Payouts", "bank", also=PAYING),
            Entry("finance_ledger.index", "Ledger", "journal-bookmark"),
            Entry("finance_tax.index", "Tax", "percent", also=TAX),
        ),
    ),
    Group(
        "People",
        (
            Entry("bank_agencies.index", "Agencies", "building", also=EMPANELMENT),
            Entry(
                "bank_complaints.index",
                "Conduct",
                "shield-exclamation",
                also=("bank_flags", "bank_visit_audits", "bank_fraud"),
            ),
            Entry("bank_scorecards.index", "Scorecards", "speedometer2", also=("bank_score_schemes",)),
            Entry("bank_limits.index", "Who may approve", "key", also=("admin_persons",)),
        ),
    ),
)

TERRITORY = (
    Group(
        "Work",
        (
            Entry("bank_strategies.index", "Strategies", "diagram-3", bar=1, also=("bank_strategy_runs",)),
            Entry("bank_staff.books", "Who holds what", "people", bar=2, also=("bank_staff",)),
            Entry("bank_placements.index", "Placements", "box-arrow-in-right", also=ASKED),
            Entry("bank_accounts.index", "Portfolio", "collection", bar=3),
            Entry("bank_contacts.index", "Contacts", "telephone"),
            Entry("bank_outcomes.index", "Outcomes", "graph-up-arrow", also=("bank_curves",)),
        ),
    ),
    Group(
        "People",
        (
            Entry("bank_agencies.index", "Agencies", "building", also=EMPANELMENT),
            Entry("bank_scorecards.index", "Scorecards", "speedometer2"),
        ),
    ),
)

FINANCE = (
    Group(
        "Money",
        (
            Entry("finance_home.index", "Home", "house", bar=1),
            Entry("finance_settlements.index", "Settlements", "file-earmark-check", bar=2, also=("bank_settlements",)),
            Entry("finance_payouts.index", "Payouts", "bank", bar=3, also=PAYING),
            Entry("bank_disputes.index", "Disputes", "chat-left-text"),
            Entry("bank_invoices.index", "Tax invoices", "receipt-cutoff"),
            Entry("finance_ledger.index", "Ledger", "journal-bookmark"),
            Entry("finance_tax.index", "Tax", "percent", also=TAX),
        ),
    ),
)

REPORTS = Entry("bank_reports.index", "Reports", "bar-chart", also=("bank_report_schedules", "bank_audit_packs"))
PROVE = Group(
    "Prove",
    (
        REPORTS,
        Entry("audit_log.index", "Audit log", "clock-history"),
        Entry("audit_trace.index", "Trace", "diagram-2"),
        Entry("audit_verify.index", "Verify", "shield-check"),
    ),
)

ADMIN = (
    Group(
        "People",
        (
            Entry("admin_users.index", "Users", "people", bar=1),
            Entry("admin_sessions.index", "Sessions", "person-badge"),
        ),
    ),
    Group(
        "Work",
        (
            Entry("admin_settings.index", "Settings", "sliders"),
            Entry("admin_keys.index", "Signing keys", "key"),
            Entry("admin_jobs.index", "Jobs", "cpu", bar=2),
        ),
    ),
)


def _field_first(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """A field agent's menu begins with the phone's app."""
    field = [entry for group in groups for entry in group.entries if entry.endpoint == "agency_field.index"]
    rest = [entry for entry in groups[0].entries if entry not in field]
    return (Group(groups[0].word, (*(replace(entry, bar=1) for entry in field), *rest)), *groups[1:])


def _read_only(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Somebody else's menu for the auditor: not in the bottom bar, and their home under a name of its own."""
    return tuple(
        Group(
            group.word, tuple(replace(each, bar=0, word=HOMES.get(each.endpoint, each.word)) for each in group.entries)
        )
        for group in groups
    )


HOMES = {"bank_home.index": "This month"}
AUDIT = (
    Group(
        "Prove",
        (
            Entry("audit_home.index", "Home", "house", bar=1),
            Entry("audit_log.index", "Audit log", "clock-history"),
            Entry("audit_trace.index", "Trace", "diagram-2", bar=2),
            Entry("audit_verify.index", "Verify", "shield-check", bar=3),
            REPORTS,
        ),
    ),
    *_read_only(BANK),
    Group("Money", (Entry("finance_home.index", "Does it tie?", "check2-square"),)),
    *_read_only(ADMIN),
)
MENUS: dict[str, tuple[Group, ...]] = {
    "agency_owner": AGENCY,
    "agency_accountant": AGENCY,
    "field_agent": _field_first(AGENCY),
    "bank_operator": (*BANK, PROVE),
    "bank_approver": (*BANK, PROVE),
    "bank_admin": (*BANK, *ADMIN, PROVE),
    "territory_manager": TERRITORY,
    "finance": (*FINANCE, PROVE),
    "auditor": AUDIT,
}
ENDPOINTS = frozenset(entry.endpoint for groups in MENUS.values() for group in groups for entry in group.entries)
ORDER = ("Work", "Money", "People", "Prove")
BAR_ENTRIES = 3  # the fourth place of the bottom bar opens the whole menu


def for_role(role: object, endpoints: Container[str]) -> list[Group]:
    """The menu of a role: groups of one word joined, entries without a registered endpoint and empty groups left out.

    `endpoints` is what the application has registered (`app.view_functions` will do). An unknown role gets no menu.
    """
    name = str(getattr(role, "value", role))
    joined: dict[str, dict[str, Entry]] = {}
    for group in MENUS.get(name, ()):
        for entry in group.entries:
            if entry.endpoint in endpoints and entry.for_someone(name):
                joined.setdefault(group.word, {}).setdefault(entry.endpoint, entry)
    return [Group(word, tuple(joined[word].values())) for word in _ordered(name, joined)]


def _ordered(role: str, words: dict[str, dict[str, Entry]]) -> list[str]:
    first = ["Prove"] if role == "auditor" else []
    return [word for word in dict.fromkeys([*first, *ORDER]) if word in words]


def bar_of(menu: list[Group]) -> list[Entry]:
    """The phone's bottom bar: at most three entries in rank order; the layout adds the way to the whole menu."""
    entries = [entry for group in menu for entry in group.entries]
    ranked = sorted((entry for entry in entries if entry.bar), key=lambda entry: entry.bar)
    unique = {entry.word: entry for entry in reversed(ranked)}
    chosen = [entry for entry in ranked if unique.get(entry.word) is entry][:BAR_ENTRIES]
    return chosen or [replace(entry, bar=1) for entry in entries[:BAR_ENTRIES]]
