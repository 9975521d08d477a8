"""What the settings of legal steps look like. Pure."""

from __future__ import annotations

from allocations.agencies.setting_checks import Shape, each, mapping, numbers, share, truth, whole

LEGAL_SHAPES: dict[str, Shape] = {
    "legal.limitation_years": Shape("Years in which a debt can be sued for", 3, whole(1, 30)),
    "legal.balance_days": Shape("Days a balance is good for in a legal step", 31, whole(1, 365)),
    "legal.demand_notice": Shape("Demand notice: days to pay", {"answer_days": 15}, numbers("answer_days")),
    "legal.s138": Shape(
        "Returned cheque or mandate: months to present, days for notice, to pay, to complain",
        {"present_months": 3, "notice_days": 30, "pay_days": 15, "complain_days": 30},
        numbers("present_months", "notice_days", "pay_days", "complain_days"),
    ),
    "legal.sarfaesi": Shape(
        "SARFAESI: least dues and share of the loan, days to pay, to answer, to publish, to sell",
        {
            "over_minor": 10_000_000,
            "least_share": "0.20",
            "pay_days": 60,
            "answer_days": 15,
            "publish_days": 7,
            "sale_days": 30,
        },
        mapping(
            {"exactly_over": truth, "exactly_share": truth},
            over_minor=whole(0),
            least_share=share,
            **{name: whole(1, 365) for name in ("pay_days", "answer_days", "publish_days", "sale_days")},
        ),
        "Amounts in paise. exactly_over, exactly_share: whether exactly that sum (no, unless said) or share (yes, unless said) is enough.",
    ),
    "legal.lok_adalat": Shape(
        "Lok Adalat: most that may be owed, days of invitation",
        {"most_minor": 200_000_000, "invite_days": 7},
        mapping(most_minor=whole(1), invite_days=whole(0, 365)),
        "In paise.",
    ),
    "legal.arbitration": Shape(
        "Arbitration: days to agree on an arbitrator, months to the award",
        {"agree_days": 30, "award_months": 12},
        numbers("agree_days", "award_months"),
    ),
    "legal.civil_suit": Shape(
        "Civil suit: from what sum it is the tribunal's, days to reply",
        {"tribunal_minor": 200_000_000, "reply_days": 30},
        mapping(tribunal_minor=whole(1), reply_days=whole(1, 365)),
        "In paise.",
    ),
    "legal.drt": Shape(
        "Debts Recovery Tribunal: least sum, days to reply",
        {"least_minor": 200_000_000, "reply_days": 30},
        mapping(least_minor=whole(0), reply_days=whole(1, 365)),
        "In paise.",
    ),
    "campaigns.rest_days": Shape("Days an account rests from campaigns after one", 30, whole(0, 365)),
    "legal.alert_days": Shape("Days before a last day of law at which people are told", [10, 3, 1], each(whole(0, 90))),
}
