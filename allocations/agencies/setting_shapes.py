"""What a dated setting's value must look like: one shape a code, so that a slip of the keyboard cannot change a rule of law. Pure."""

from __future__ import annotations

from typing import Any

from allocations.agencies.paper_rules import AGENT_KINDS, KINDS, WITH_AMOUNT
from allocations.agencies.setting_checks import (
    Check,
    Shape,
    by_name,
    day_or_yearly,
    each,
    hours,
    mapping,
    one_of,
    outcomes,
    share,
    truth,
    whole,
    words,
    yes_or_no,
)
from allocations.casework.conduct.setting_shapes import CONDUCT_SHAPES
from allocations.casework.legal.setting_shapes import LEGAL_SHAPES
from allocations.placements.asset_class import AssetClass
from allocations.placements.borrower_notice_rules import CHANNELS
from allocations.vocabulary import EVIDENCE_KINDS, MODES, PERSONS

_INDIAN_NATURES = ("commission", "professional", "technical", "contractor", "contractor_individual")
_DEDUCTED: dict[str, Check] = {
    "rate": share,
    "no_id_rate": share,
    "section": words,
    "code": words,
    "threshold_minor": whole(0),
}
SOMEBODY = tuple(person for person in PERSONS if person != "nobody")

SHAPES: dict[str, Shape] = {
    "hand.second_person_from_minor": Shape(
        "Amount from which an act by hand needs a second person",
        5_000_000,
        whole(0),
        "In paise; returns always need one.",
    ),
    "hand.write_off": Shape(
        "Difference one person may write off, and the most two may",
        {"alone_minor": 1_000, "most_minor": 100_000},
        mapping(alone_minor=whole(0), most_minor=whole(0)),
        "In paise.",
    ),
    "statements.unproved": Shape(
        "Bank statements without balances",
        "second_person",
        one_of("second_person", "take"),
        "take: their lines count at once; second_person: once somebody else than the importer accepts them.",
    ),
    "direct.claim_days": Shape("Days an agency has to claim money paid direct", 3, whole(0, 60)),
    "suspense.days": Shape(
        "Days after which unclaimed money is escalated",
        {"escalate": 7, "general_ledger": 30, "board": 90},
        mapping(escalate=whole(1, 365), general_ledger=whole(1, 365), board=whole(1, 3_650)),
    ),
    "cash.limit_per_borrower_day_minor": Shape(
        "Cash refused from one borrower in a day", 20_000_000, whole(1), "In paise; at or above it is refused."
    ),
    "cash.in_hand_limit_minor": Shape("Cash one agent may carry", 10_000_000, whole(1), "In paise."),
    "cash.deposit_within_days": Shape("Days until cash is paid in", 1, whole(0, 30)),
    "receipts.unissued": Shape("Receipt numbers outside every book", "flag", one_of("flag", "refuse")),
    "sign_in.fresh_minutes": Shape(
        "Minutes a password is good for approving", 15, whole(1, 720), "Older: it is asked for again."
    ),
    "bank_detail.call_back": Shape(
        "Whether an agency is called before its bank details change", True, truth, "On a number known before."
    ),
    "bank_detail.cooling_hours": Shape(
        "Hours before changed bank details are paid to", 72, whole(0, 720), "From their approval on."
    ),
    "bank_detail.first_cooling_hours": Shape(
        "Hours before an agency's first bank details are paid to", 0, whole(0, 720)
    ),
    "statement.deemed_days": Shape("Days after which silence on a statement is consent", 15, whole(1, 365)),
    "msme.pay_within_days": Shape("Days until a small firm is paid", 45, whole(1, 365)),
    "contact.hours": Shape("Hours of contact", {"from": "08:00", "to": "19:00"}, hours, "At the borrower's."),
    "contact.attempts": Shape(
        "Attempts to reach a borrower",
        {"per_day": 3, "per_week": 7},
        mapping(per_day=whole(1, 99), per_week=whole(1, 99)),
    ),
    "contact.persons": Shape(
        "Who may be spoken to", {"allowed": ["borrower", "guarantor"]}, mapping(allowed=each(one_of(*SOMEBODY)))
    ),
    "contact.blackout": Shape(
        "Days without contact",
        [{"on": "01-26", "name": "Republic Day"}],
        each(mapping({"states": each(words)}, on=day_or_yearly, name=words)),
        "In every state, or in those named.",
    ),
    "contact.far_m": Shape("Distance from the address that stands out", 200, whole(1, 100_000), "In metres."),
    "contact.speed_kmh": Shape("Speed between two visits that stands out", 150, whole(1, 2_000), "In km/h."),
    "contact.late_hours": Shape("Hours until a contact is reported", 24, whole(1, 720)),
    "contact.dispositions": Shape(
        "What happened: codes added, reworded or hidden", {"words": {"RPC": "Spoke to the customer"}}, outcomes
    ),
    "contact.before_notice": Shape(
        "Contacts before the borrower was told who will call",
        "flag",
        one_of("ignore", "flag", "refuse"),
        "flag: kept and counted; refuse: not taken in at all.",
    ),
    "borrower_notice.due": Shape(
        "How a borrower is told which agency will call",
        {"bank": {"channel": "sms", "template": "agency-named", "language": "en"}},
        by_name(mapping(channel=one_of(*CHANNELS), template=words, language=words)),
        "By kind of lender; a kind that is not named owes no notice.",
    ),
    "recall.auto": Shape(
        "Accounts proposed for recall at night",
        {"paid_in_full": True, "hold_causes": ["deceased"], "idle_days": 30},
        mapping(paid_in_full=yes_or_no, hold_causes=each(words), idle_days=whole(0, 3_650)),
        "A person confirms the list; idle_days 0 leaves accounts without activity alone.",
    ),
    "promise.kept_share": Shape("Part of a promise that counts as kept", "0.95", share),
    "promise.grace_days": Shape("Days of grace after a promise", 1, whole(0, 60)),
    "collections.report_within_days": Shape("Days until money is reported", 2, whole(0, 60)),
    "evidence.max_bytes": Shape("Largest piece of evidence", 20_971_520, whole(100_000, 200_000_000), "In bytes."),
    "evidence.required": Shape(
        "Evidence without which money does not earn",
        [{"mode": "cash", "from_minor": 2_500_000, "kinds": ["receipt"]}],
        each(mapping(mode=one_of(*MODES), from_minor=whole(), kinds=each(one_of(*EVIDENCE_KINDS)))),
        "An empty list asks for none; amounts in paise.",
    ),
    "evidence.required_for_visits": Shape("Evidence every visit needs", ["premises"], each(one_of(*EVIDENCE_KINDS))),
    "evidence.retention_days": Shape("Days evidence is kept", 2_920, whole(365, 36_500)),
    "evidence.signs": Shape(
        "Signs that deserve a second look",
        {"far_m": 200, "fast_kmh": 150, "alike_bits": 12, "clock_minutes": 10, "after_month_end_count": 20},
        mapping(
            far_m=whole(1),
            fast_kmh=whole(1),
            alike_bits=whole(0, 64),
            clock_minutes=whole(0),
            after_month_end_count=whole(1),
        ),
    ),
    "empanelment.papers_needed": Shape(
        "Papers without which no agency is empanelled",
        [["agreement"], ["pan"], ["deposit", "guarantee"]],
        each(each(one_of(*KINDS))),
        "One of each group is needed. Indian numbers are asked of agencies in India alone.",
    ),
    "empanelment.papers_expiring": Shape(
        "Papers of an agency that must say until when they hold", ["agreement", "insurance"], each(one_of(*KINDS))
    ),
    "empanelment.least_minor": Shape(
        "Least amount of a deposit or guarantee",
        {"deposit": 10_000_000},
        mapping({kind: whole() for kind in sorted(WITH_AMOUNT)}),
        "In paise.",
    ),
    "empanelment.agent_papers_expiring": Shape(
        "Papers of an agent that must say until when they hold", ["id_card"], each(one_of(*AGENT_KINDS))
    ),
    "empanelment.training_hours": Shape(
        "Hours of training a certificate takes",
        {"graduate": 50, "other": 100},
        mapping(graduate=whole(0, 1000), other=whole(0, 1000)),
    ),
    "empanelment.agents_fit": Shape(
        "Agents of whom no certificate or verification is recorded",
        {"unproven": "stop", "unlisted": "files"},
        mapping(unproven=one_of("stop", "allow"), unlisted=one_of("stop", "files", "allow")),
        "unproven: whether such an agent may be given accounts. unlisted: of an agency that lists nobody; files: only a file of "
        "allocations may give it some, with a warning.",
    ),
    "empanelment.warn_days": Shape(
        "Days before a paper ends at which people are told", [60, 30, 7], each(whole(1, 365))
    ),
    "empanelment.public_list": Shape("Whether the public list of agencies is shown", True, truth),
    "score.dispute_days": Shape("Days in which an agency may contest a measure of its scorecard", 7, whole(1, 90)),
    **LEGAL_SHAPES,
    **CONDUCT_SHAPES,
    "score.complaint_events": Shape("Accepted events that are complaints upheld", ["complaint"], each(words)),
    "dispute.answer_days": Shape("Days until the bank answers a dispute", 21, whole(1, 90)),
    "compromise.levels": Shape(
        "Who may give up how much in a settlement with a borrower",
        [{"level": 1, "name": "Branch", "most_share": "0.10", "most_minor": 5_000_000}],
        each(mapping(level=whole(1, 20), name=words, most_share=share, most_minor=whole())),
        "One row a level, the lowest first; the highest one decides whatever is above all of them. Amounts in paise.",
    ),
    "compromise.approvers": Shape(
        "Which level an approver of settlements has",
        {"others": 1, "people": {"head@bank.example": 3}},
        mapping(others=whole(0, 20), people=by_name(whole(0, 20))),
        "By e-mail; others: everyone who is not named. 0 approves none.",
    ),
    "compromise.policy": Shape(
        "The policy on settlements with borrowers",
        {
            "least_dpd_days": 91,
            "most_sacrifice": {"substandard": "0.25", "other": "0.10"},
            "least_of_security": "0.60",
            "most_months": 3,
            "cooling_months": 12,
            "deviation_level": 3,
        },
        mapping(
            least_dpd_days=whole(0, 3_650),
            most_sacrifice=mapping({name.value: share for name in AssetClass}, other=share),
            least_of_security=share,
            most_months=whole(1, 60),
            cooling_months=whole(0, 120),
            deviation_level=whole(1, 20),
        ),
        "What departs from it is named, and asks for a higher approver: deviation_level at least.",
    ),
    "compromise.value": Shape(
        "What an offer is worth today",
        {"rate": "0.12", "security_share": "0.70", "months": 24},
        mapping(rate=share, security_share=share, months=whole(0, 240)),
        "rate: a year, for the present value; security_share and months: what enforcing the security brings, and when.",
    ),
    "compromise.watch": Shape(
        "When a settlement with a borrower counts as not kept",
        {"grace_days": 7, "most_missed": 0},
        mapping(grace_days=whole(0, 90), most_missed=whole(0, 12)),
    ),
    "compromise.direct_entry": Shape(
        "Which compromises are entered without a full proposal",
        "awards",
        one_of("all", "awards"),
        "awards: only those of a Lok Adalat; a one-time settlement is then proposed in full.",
    ),
    "plan.limits": Shape(
        "Repayment plans an agency may propose and a maker accept",
        {"most_minor": 10_000_000, "most_months": 6},
        mapping(most_minor=whole(), most_months=whole(1, 60)),
        "Beyond them the bank proposes, and an approver accepts.",
    ),
    "plan.watch": Shape(
        "When a repayment plan is broken",
        {"grace_days": 5, "most_missed": 1},
        mapping(grace_days=whole(0, 90), most_missed=whole(0, 12)),
    ),
    "plan.remind_days": Shape("Days before an instalment of a plan at which the borrower is reminded", 3, whole(0, 30)),
    "invoice.pays_after": Shape(
        "Whether a payout waits for the agency's tax invoice", True, truth, "Where the agency charges the tax itself."
    ),
    "gst.recovery_agent": Shape(
        "GST on a recovery agent's fee",
        {"mode": "reverse_charge", "rate": "0.18"},
        mapping(
            {"lenders": each(words), "service_code": words},
            mode=one_of("reverse_charge", "forward_charge", "none"),
            rate=share,
        ),
        "reverse_charge: a lender of the kinds the notification names (or `lenders`) pays it itself, all others are charged it.",
    ),
    "vat.agency_fee": Shape(
        "Kenya: VAT on an agency's fee",
        {"mode": "forward_charge", "rate": "0.16"},
        mapping(mode=one_of("forward_charge", "none"), rate=share),
    ),
    "vat.withholding": Shape(
        "Kenya: the lender is appointed to withhold VAT",
        {"is_agent": True},
        mapping({"rate": share}, is_agent=yes_or_no),
    ),
    "withholding.IN": Shape(
        "India: the lender's own position on tax deducted at source",
        {"rate": "0.10", "section": "194J", "code": "1027", "threshold_minor": 5_000_000},
        mapping({**_DEDUCTED, "nature": one_of(*_INDIAN_NATURES)}),
        "Only what differs from the shipped rule of the day; amounts in paise.",
    ),
    "withholding.KE": Shape(
        "Kenya: the lender's own position on withholding tax",
        {"rate": "0.03", "code": "contractual fee"},
        mapping({**_DEDUCTED, "nature": one_of("agency", "contractual")}),
        "Only what differs from the shipped rule of the day; amounts in cents.",
    ),
    "tax.agencies": Shape(
        "What is agreed on tax and payment with single agencies",
        {"SHAKTI": {"nature": "technical", "pay_within_days": 30}},
        by_name(
            mapping(
                {
                    "nature": one_of(*_INDIAN_NATURES, "agency", "contractual"),
                    "is_registered": yes_or_no,
                    "pay_within_days": whole(1, 365),
                }
            )
        ),
        "By agency code. A row replaces the one before as a whole: name every agency again.",
    ),
    "tax.input_credit": Shape(
        "How much of the tax on commission the bank gets back",
        "0.50",
        share,
        "The share that can be claimed as input credit; the rest is a cost. Reports read it, no payment does.",
    ),
    "msme.bank_rate": Shape("RBI's bank rate", "0.055", share, "A year; late payment costs a multiple of it."),
    "msme.interest": Shape(
        "Interest on what a micro or small firm is paid late",
        {"times": 3, "rest": "thirty_days", "broken": "actual_365"},
        mapping(
            times=whole(1, 10), rest=one_of("thirty_days", "calendar_month"), broken=one_of("actual_365", "thirtieths")
        ),
        "times: of the bank rate; rest: what a month is; broken: how the days after the last whole one count.",
    ),
    "msme.acceptance": Shape(
        "When a month's service counts as accepted",
        {"from": "rendered", "deemed_days": 15},
        mapping(**{"from": one_of("rendered", "approval"), "deemed_days": whole(0, 60)}),
        "rendered: the month's last day; approval: the day the statement is approved, or after the days of silence.",
    ),
    "msme.unwritten_days": Shape("Days until a small firm without a written agreement is paid", 15, whole(1, 45)),
    "msme.alert_days": Shape(
        "Days before the pay-by day at which a payment stands out",
        {"soon": 10, "urgent": 3},
        mapping(soon=whole(0, 45), urgent=whole(0, 45)),
    ),
    "tax.alert_days": Shape(
        "Days before a tax deposit or return is due at which finance is told",
        {"soon": 7, "urgent": 2},
        mapping(soon=whole(0, 45), urgent=whole(0, 45)),
    ),
}


def faults(code: str, value: Any) -> list[str]:
    """Everything wrong with a value; an unknown code is wrong as a whole."""
    if code not in SHAPES:
        return [f"There is no setting called {code}."]
    return list(SHAPES[code].check(value))
