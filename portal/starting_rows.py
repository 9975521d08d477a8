"""What a fresh installation knows: the built-in user, the lender, the bucket scheme, and the dated rules with their sources."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting, Lender
from allocations.casework.conduct.flag_rules import settings_rows
from allocations.casework.letters.models import LetterTemplate
from allocations.casework.letters.templates import starting_templates
from allocations.placements.models import BucketScheme
from allocations.scorecards.models import ScoreScheme
from allocations.scorecards.scheme import STARTING_TERMS
from allocations.scorecards.schemes import digest
from portal.access.models import User

SYSTEM_EMAIL = "system"
BEGINNING = date(2000, 1, 1)

BUCKETS: list[dict[str, Any]] = [
    {"code": "current", "dpd_from": 0, "dpd_to": 0, "label": "Current"},
    {"code": "1-30", "dpd_from": 1, "dpd_to": 30, "label": "1–30 days"},
    {"code": "31-60", "dpd_from": 31, "dpd_to": 60, "label": "31–60 days"},
    {"code": "61-90", "dpd_from": 61, "dpd_to": 90, "label": "61–90 days"},
    {"code": "91-180", "dpd_from": 91, "dpd_to": 180, "label": "91–180 days"},
    {"code": "181-365", "dpd_from": 181, "dpd_to": 365, "label": "181–365 days"},
    {"code": "365+", "dpd_from": 366, "dpd_to": None, "label": "Over a year"},
]

# code, value, from, source. A lender adds newer rows; none is ever edited.
SETTINGS: list[tuple[str, Any, date, str]] = [
    (
        "hand.second_person_from_minor",
        5_000_000,
        BEGINNING,
        "House rule: links made, undone or assigned by hand above fifty thousand rupees need a second person",
    ),
    (
        "hand.write_off",
        {"alone_minor": 1_000, "most_minor": 100_000},
        BEGINNING,
        "House rule: a difference up to ten rupees alone, up to a thousand with a second person, never more",
    ),
    (
        "statements.unproved",
        "take",
        BEGINNING,
        "House rule: a statement without balances counts and says that one person's word is all there is; second_person asks for two",
    ),
    ("direct.claim_days", 3, BEGINNING, "House rule: an agency has three days to report a receipt for money found"),
    (
        "suspense.days",
        {"escalate": 7, "general_ledger": 30, "board": 90},
        BEGINNING,
        "House rule: unidentified credits are escalated after a week, written to the general ledger after a month",
    ),
    ("cash.limit_per_borrower_day_minor", 20_000_000, date(2017, 4, 1), "Income-tax Act s.269ST (two lakh rupees)"),
    ("cash.in_hand_limit_minor", 10_000_000, BEGINNING, "House rule: an agent carries at most one lakh rupees"),
    ("cash.deposit_within_days", 1, BEGINNING, "House rule: cash is paid in on the next day"),
    ("receipts.unissued", "flag", BEGINNING, "House rule: numbers outside every book stand out, and are taken"),
    (
        "sign_in.fresh_minutes",
        15,
        BEGINNING,
        "House rule: whoever lets money go gave their password a quarter of an hour ago at most",
    ),
    ("bank_detail.call_back", False, BEGINNING, "House rule: a call before bank details change is kept, not asked for"),
    (
        "bank_detail.cooling_hours",
        72,
        BEGINNING,
        "House rule: changed bank details rest three days before money goes there",
    ),
    (
        "bank_detail.first_cooling_hours",
        0,
        BEGINNING,
        "House rule: the first ones come with the empanelment's own checks",
    ),
    ("statement.deemed_days", 15, BEGINNING, "House rule: after a fortnight silence on a statement is consent"),
    ("msme.pay_within_days", 45, date(2006, 10, 2), "MSMED Act 2006 s.15"),
    ("msme.unwritten_days", 15, date(2006, 10, 2), "MSMED Act 2006 s.2(b) and s.15: nothing agreed in writing"),
    (
        "msme.acceptance",
        {"from": "rendered", "deemed_days": 15},
        date(2006, 10, 2),
        "MSMED Act 2006 s.2(b): the day the service was rendered, when nobody objects within fifteen days",
    ),
    (
        "msme.interest",
        {"times": 3, "rest": "thirty_days", "broken": "actual_365"},
        date(2006, 10, 2),
        "MSMED Act 2006 s.16: three times the bank rate with monthly rests; what a month is, is the house's",
    ),
    ("msme.alert_days", {"soon": 10, "urgent": 3}, BEGINNING, "House rule: ten and three days before"),
    ("tax.alert_days", {"soon": 7, "urgent": 2}, BEGINNING, "House rule: a week and two days before"),
    ("msme.bank_rate", "0.0675", date(2023, 2, 8), "RBI policy of 8-Feb-2023; confirm before relying on it"),
    ("msme.bank_rate", "0.065", date(2025, 2, 7), "RBI policy of 7-Feb-2025; confirm before relying on it"),
    ("msme.bank_rate", "0.0625", date(2025, 4, 9), "RBI policy of 9-Apr-2025; confirm before relying on it"),
    ("msme.bank_rate", "0.0575", date(2025, 6, 6), "RBI policy of 6-Jun-2025; confirm before relying on it"),
    ("msme.bank_rate", "0.055", date(2025, 12, 5), "RBI policy of 5-Dec-2025, unchanged on 6-Feb-2026"),
    ("contact.hours", {"from": "08:00", "to": "19:00"}, date(2022, 8, 12), "RBI circular of 12-Aug-2022"),
    ("evidence.max_bytes", 20 * 2**20, BEGINNING, "House rule: a photo or ten minutes of a call"),
    ("evidence.required", [], BEGINNING, "House rule: none; add a row of {mode, from_minor, kinds} to ask for some"),
    ("evidence.required_for_visits", [], BEGINNING, "House rule: none; add a row of kinds to ask for some"),
    ("evidence.retention_days", 2_920, BEGINNING, "House rule: eight years"),
    (
        "evidence.signs",
        {"far_m": 200, "fast_kmh": 150, "alike_bits": 12, "clock_minutes": 10, "after_month_end_count": 20},
        BEGINNING,
        "House rule: when a person should look twice",
    ),
    (
        "contact.attempts",
        {"per_day": 3, "per_week": 7},
        BEGINNING,
        "House rule: three a day; seven in seven days as in the US rule",
    ),
    (
        "contact.persons",
        {"allowed": ["borrower", "co_borrower", "guarantor"]},
        date(2022, 8, 12),
        "RBI circular of 12-Aug-2022: privacy of family, referees and friends",
    ),
    (
        "contact.blackout",
        [
            {"on": "01-26", "name": "Republic Day"},
            {"on": "08-15", "name": "Independence Day"},
            {"on": "10-02", "name": "Gandhi Jayanti"},
            {"on": "2026-11-08", "name": "Diwali"},
        ],
        date(2026, 10, 1),
        "RBI draft of 20-May-2026 (festivals and similar occasions); the days are the house's",
    ),
    ("contact.far_m", 200, BEGINNING, "House rule: early-warning flag"),
    ("contact.speed_kmh", 150, BEGINNING, "House rule: early-warning flag"),
    ("contact.late_hours", 24, BEGINNING, "House rule: reported within a day"),
    ("contact.dispositions", {}, BEGINNING, "House codes as they are"),
    (
        "contact.before_notice",
        "flag",
        date(2008, 4, 24),
        "DBOD.No.Leg.BC.75/09.07.005/2007-08: the borrower has the agent's details before the first contact; flag is the house's",
    ),
    (
        "borrower_notice.due",
        {kind: {"channel": "sms", "template": "agency-named", "language": "en"} for kind in ("bank", "nbfc", "hfc")},
        date(2008, 4, 24),
        "DBOD.No.Leg.BC.75/09.07.005/2007-08, NHB Pol-25, Responsible Business Conduct Directions 2025; wording is the house's",
    ),
    (
        "recall.auto",
        {"paid_in_full": True, "hold_causes": ["deceased", "fraud", "insolvency", "litigation"], "idle_days": 0},
        BEGINNING,
        "House rule: paid accounts and those nobody may work come back; idle ones stay (0 days: not asked)",
    ),
    ("promise.kept_share", "0.95", BEGINNING, "House rule: 95 % of the amount"),
    ("promise.grace_days", 1, BEGINNING, "House rule: one day for the bank to see it"),
    ("collections.report_within_days", 2, BEGINNING, "House rule: money is reported within two days"),
    (
        "empanelment.papers_needed",
        [["agreement"], ["pan"], ["board_approval"], ["police_verification"], ["deposit", "guarantee"]],
        BEGINNING,
        "RBI Directions on outsourcing (written agreement, due diligence); banks' policies on deposit or guarantee (domain notes §1.4)",
    ),
    (
        "empanelment.papers_expiring",
        ["agreement", "guarantee", "insurance", "police_verification"],
        BEGINNING,
        "House rule: what is given for a time says until when",
    ),
    (
        "empanelment.least_minor",
        {"deposit": 10_000_000, "guarantee": 10_000_000},
        BEGINNING,
        "A public-sector bank's policy: guarantee or term deposit of one lakh rupees (domain notes §1.4)",
    ),
    (
        "empanelment.agent_papers_expiring",
        ["police_verification", "id_card", "authorisation"],
        BEGINNING,
        "Domain notes §1.3: a certificate may last for life; verification, card and letter do not",
    ),
    (
        "empanelment.training_hours",
        {"graduate": 50, "other": 100},
        BEGINNING,
        "IIBF: 100 hours of training, 50 for graduates (domain notes §1.3)",
    ),
    (
        "empanelment.agents_fit",
        {"unproven": "stop", "unlisted": "files"},
        BEGINNING,
        "RBI: no allocation without a certified, verified person (domain notes §1.2, §1.6); files: for lists kept elsewhere",
    ),
    (
        "empanelment.warn_days",
        [60, 30, 7],
        BEGINNING,
        "House rule: two months, one month and one week before a paper ends",
    ),
    (
        "empanelment.public_list",
        True,
        BEGINNING,
        "RBI: an up-to-date list of agencies on the lender's website; the draft of 2026 adds individuals and period (domain notes §1.2)",
    ),
    ("score.dispute_days", 7, BEGINNING, "House rule: a week to contest a measure (domain notes §6)"),
    (
        "legal.limitation_years",
        3,
        BEGINNING,
        "Limitation Act 1963, money claims: three years from the last acknowledgement [?] (from memory: counsel confirms)",
    ),
    ("legal.balance_days", 31, BEGINNING, "House rule: no legal step on a balance older than a month"),
    (
        "legal.demand_notice",
        {"answer_days": 15},
        BEGINNING,
        "Loan agreement: 7, 15 or 30 days by contract; the house's is 15",
    ),
    (
        "legal.s138",
        {"present_months": 3, "notice_days": 30, "pay_days": 15, "complain_days": 30},
        date(2012, 4, 1),
        (
            "NI Act 1881 s.138, s.142: notice within 30 days of the memo, 15 days to pay, complaint within a month, counted as 30 days;"
            " PSS Act 2007 s.25 alike; cheques good for 3 months by RBI from 1-Apr-2012 (from memory)"
        ),
    ),
    (
        "legal.sarfaesi",
        {
            "over_minor": 10_000_000,
            "least_share": "0.20",
            "pay_days": 60,
            "answer_days": 15,
            "publish_days": 7,
            "sale_days": 30,
        },
        date(2002, 6, 21),
        (
            "SARFAESI Act 2002 s.13(2), s.13(3A), s.31(h) and (j): not where less than 20 % is due; rules of 2002: publication in 7 days,"
            " 30 days to a sale (from memory). A bank; an NBFC has limits of its own [?]"
        ),
    ),
    (
        "legal.lok_adalat",
        {"most_minor": 200_000_000, "invite_days": 7},
        BEGINNING,
        "Banks' claims up to twenty lakh rupees (the 2008 circular prefers it below ten [?]); a week's invitation is a house rule",
    ),
    (
        "legal.arbitration",
        {"agree_days": 30, "award_months": 12},
        date(2015, 10, 23),
        "Arbitration Act 1996 s.11(4) and (5), s.29A (from memory: counsel confirms)",
    ),
    (
        "legal.civil_suit",
        {"tribunal_minor": 200_000_000, "reply_days": 30},
        date(2018, 9, 6),
        "CPC Order VIII: written statement within 30 days; below the tribunal's twenty lakh (from memory: counsel confirms)",
    ),
    (
        "legal.drt",
        {"least_minor": 200_000_000, "reply_days": 30},
        date(2018, 9, 6),
        "RDB Act 1993 s.1(4): twenty lakh by the notification of 6-Sep-2018; s.19(5): 30 days to reply (from memory)",
    ),
    ("campaigns.rest_days", 30, BEGINNING, "House rule: one campaign a month to an account"),
    (
        "legal.alert_days",
        [10, 3, 1],
        BEGINNING,
        "House rule: ten, three and one day before a last day, and when it has passed",
    ),
    (
        "score.complaint_events",
        ["complaint"],
        BEGINNING,
        "House rule: accepted events of these names are complaints upheld",
    ),
    (
        "score.complaint_source",
        "events",
        BEGINNING,
        "House rule: accepted events, while complaints are written down elsewhere",
    ),
    (
        "score.complaint_source",
        "register",
        date(2026, 12, 1),
        "House rule: from this month complaints found true in the register count, by the day they were decided",
    ),
    ("complaint.answer_days", 30, BEGINNING, "RB-IOS: after thirty days without an answer the ombudsman may be asked"),
    ("complaint.agency_days", 7, BEGINNING, "House rule: an agency answers within a week"),
    ("complaint.public_page", True, BEGINNING, "House rule: borrowers may complain on the public page"),
    (
        "complaint.upheld_event",
        "complaint",
        BEGINNING,
        "House rule: a complaint found true proposes this event; what it costs is the rate card's",
    ),
    *(
        (code, value, BEGINNING, "House rule: when a person should look (domain notes §8.4)")
        for code, value in settings_rows().items()
    ),
    (
        "fraud.reply_days",
        21,
        BEGINNING,
        "House rule: three weeks to answer a show-cause notice (RBI directions of 15-Jul-2024: not less)",
    ),
    (
        "fraud.report_days",
        14,
        BEGINNING,
        "Fraud monitoring return within fourteen days of classifying; confirm before relying on it",
    ),
    ("dispute.answer_days", 21, BEGINNING, "House rule: three weeks to answer an agency's dispute"),
    (
        "compromise.levels",
        [
            {"level": 1, "name": "Branch", "most_share": "0.10", "most_minor": 5_000_000},
            {"level": 2, "name": "Region", "most_share": "0.25", "most_minor": 50_000_000},
            {"level": 3, "name": "Zone", "most_share": "0.50", "most_minor": 500_000_000},
            {"level": 4, "name": "Head office committee", "most_share": "0.75", "most_minor": 5_000_000_000},
            {"level": 5, "name": "Board committee", "most_share": "1", "most_minor": 10**15},
        ],
        BEGINNING,
        "House matrix, to be replaced by the Board's (RBI/2023-24/40 of 8-Jun-2023 asks for one)",
    ),
    (
        "compromise.approvers",
        {"others": 2, "people": {}},
        BEGINNING,
        "House rule: an approver stands for the region until the lender names who stands higher",
    ),
    (
        "compromise.policy",
        {
            "least_dpd_days": 91,
            "most_sacrifice": {
                "substandard": "0.25",
                "doubtful_1": "0.40",
                "doubtful_2": "0.50",
                "doubtful_3": "0.65",
                "loss": "0.80",
                "written_off": "0.90",
                "other": "0.10",
            },
            "least_of_security": "0.60",
            "most_months": 3,
            "cooling_months": 12,
            "deviation_level": 3,
        },
        BEGINNING,
        "RBI/2023-24/40 of 8-Jun-2023: three months and a level above; the shares and ages are the house's",
    ),
    (
        "compromise.value",
        {"rate": "0.12", "security_share": "0.70", "months": 24},
        BEGINNING,
        "House rule: twelve per cent a year; security brings seven tenths after two years",
    ),
    (
        "compromise.watch",
        {"grace_days": 7, "most_missed": 0},
        BEGINNING,
        "House rule: a week of grace, then it is broken",
    ),
    ("compromise.direct_entry", "all", BEGINNING, "House rule: until full proposals were there, each was entered"),
    (
        "compromise.direct_entry",
        "awards",
        date(2026, 12, 1),
        "House rule: from December 2026 a one-time settlement is proposed in full and approved by the matrix",
    ),
    (
        "plan.limits",
        {"most_minor": 10_000_000, "most_months": 6},
        BEGINNING,
        "House rule: an agency proposes plans up to one lakh rupees and half a year",
    ),
    (
        "plan.watch",
        {"grace_days": 5, "most_missed": 1},
        BEGINNING,
        "House rule: a second missed instalment ends a plan",
    ),
    ("plan.remind_days", 3, BEGINNING, "House rule: three days before"),
    ("invoice.pays_after", False, BEGINNING, "House rule: money does not wait for the agency's tax invoice"),
    ("gst.recovery_agent", {"mode": "reverse_charge", "rate": "0.18"}, date(2017, 7, 1), "Notification 13/2017 Sl. 8"),
    ("vat.withholding", {"is_agent": False}, BEGINNING, "House: no appointment by the Kenya Revenue Authority"),
    ("tax.agencies", {}, BEGINNING, "House: nothing agreed with a single agency"),
    (
        "tax.input_credit",
        "0.50",
        date(2017, 7, 1),
        "CGST Act 2017 s.17(4): half, where a bank chooses so (from memory; confirm)",
    ),
]


def add_starting_rows(session: Session, *, now: datetime) -> None:
    """Idempotent: inserts what is missing, changes nothing that is there."""
    if session.scalar(select(User.id).where(User.email == SYSTEM_EMAIL)) is None:
        session.add(User(email=SYSTEM_EMAIL, name="Portal", role="system", created_at=now))
    if session.scalar(select(Lender.id)) is None:
        session.add(Lender(name="The bank"))
    if session.scalar(select(BucketScheme.id)) is None:
        session.add(BucketScheme(version=1, effective_from=BEGINNING, buckets=BUCKETS, source="House scheme"))
    for code, value, since, source in SETTINGS:
        session.execute(
            insert(DatedSetting)
            .values(code=code, value=value, effective_from=since, source=source)
            .on_conflict_do_nothing(index_elements=["code", "effective_from"])
        )
    if session.scalar(select(LetterTemplate.id)) is None:
        session.add_all(starting_templates(now, SYSTEM_EMAIL))
    if session.scalar(select(ScoreScheme.id)) is None:
        session.add(starting_scheme(now))
    session.flush()


def starting_scheme(now: datetime) -> ScoreScheme:
    """How agencies are judged until a lender says otherwise."""
    return ScoreScheme(
        version=1,
        effective_from=BEGINNING,
        terms=STARTING_TERMS,
        sha256=digest(STARTING_TERMS),
        reason="House scheme; weights typical of the trade, to be replaced by the lender's own.",
        status="approved",
        proposed_by=SYSTEM_EMAIL,
        proposed_at=now,
        decided_by="setup",
        decided_at=now,
    )
