"""`/_components`: every component with sample data in every state, to be looked at. Registered in development only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, Response, flash, jsonify, render_template, request
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    FileField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired

from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.errors import Problem
from portal.kernel.periods import parse_month
from portal.web import menu, statuses

bp = Blueprint("components", __name__, url_prefix="/_components")
INR = "INR"


class SampleForm(FlaskForm):
    """One field of each kind, two of them wrong."""

    legal_name = StringField("Legal name", [InputRequired("Say what the agency is called.")])
    capacity = IntegerField("Accounts it can work", description="How many at one time; leave empty for no limit.")
    agreement_from = DateField("Agreement from", [InputRequired()])
    stream = SelectField("Stream", choices=[("field", "Field"), ("tele", "Telephone")])
    remarks = TextAreaField("Reason", description="The agency reads this.")
    notify = BooleanField("Tell the agency by e-mail")
    dates = RadioField(
        "Dates in this file", choices=[("dmy", "05/11/2026 is 5 November"), ("mdy", "05/11/2026 is 11 May")]
    )
    file = FileField("Collections file")


@dataclass
class SampleEntry:
    """A menu entry that leads nowhere else than this page."""

    word: str
    icon: str
    endpoint: str = "components.index"
    primary: bool = False
    bar: int = 0
    is_first: bool = False

    def is_here(self, endpoint: str | None) -> bool:
        return self.is_first


@dataclass
class SampleIdentity:
    name: str = "Meera Kulkarni"
    role: str = "bank_approver"
    agency_name: str | None = None


@dataclass
class SampleRow:
    """A receipt as a list shows it."""

    receipt_no: str
    loan_account_no: str
    customer_name: str
    amount_minor: int
    collected_on: date
    mode: str
    status: str
    why: str = ""
    href: str = "/_components"
    currency: str = INR
    is_fresh: bool = False
    is_chosen: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class SampleTrouble:
    """What an error page is told."""

    status: int
    title: str = "This cannot be done"
    message: str = "Arun Nair submitted this settlement; a different person must approve it."
    cure: str = "Ask a colleague who may approve."
    problems: list[Problem] = field(default_factory=list)


ROWS = [
    SampleRow(
        "SR/26-27/004411",
        "PL0029310442",
        "Anjali Deshmukh",
        1250000,
        date(2026, 10, 3),
        "upi",
        "confirmed",
        is_fresh=True,
    ),
    SampleRow(
        "SR/26-27/004412",
        "PL0029310518",
        "Mohammed Iqbal Ansari",
        480000,
        date(2026, 10, 3),
        "cash",
        "suggested",
        "one bank line fits",
    ),
    SampleRow(
        "SR/26-27/004415",
        "CC0000188204",
        "R. Venkataraghavan",
        23145050,
        date(2026, 10, 4),
        "neft",
        "paid",
        is_chosen=True,
    ),
    SampleRow(
        "SR/26-27/004419",
        "TW0004410067",
        "Sukhwinder Singh",
        95000,
        date(2026, 10, 6),
        "cash",
        "break",
        "no bank line, 12 days",
    ),
    SampleRow(
        "SR/26-27/004420",
        "PL0029311903",
        "Lakshmi Narayanan Iyer",
        -480000,
        date(2026, 10, 9),
        "cheque",
        "reversed",
        "returned unpaid",
    ),
    SampleRow("SR/26-27/004431", "PL0029312277", "Fatima Shaikh", 365075, date(2026, 10, 12), "upi", "submitted"),
]
COLUMNS = [
    {"key": "receipt_no", "label": "Receipt", "kind": "code", "href": "href"},
    {"key": "customer_name", "label": "Borrower", "sub": "loan_account_no"},
    {"key": "collected_on", "label": "Collected", "kind": "day"},
    {"key": "mode", "label": "Mode"},
    {"key": "status", "label": "Status", "kind": "status", "sub": "why"},
    {"key": "amount_minor", "label": "Amount", "kind": "money"},
]
STAGES = [
    {"stage": "reported", "minor": 184000000, "href": "#tables", "note": "214 receipts"},
    {"stage": "confirmed", "minor": 169250000, "href": "#tables", "note": "41 receipts wait for a bank line"},
    {"stage": "earned", "minor": 15140000, "href": "#tables", "note": "under PL-UNSEC-2026, version 3"},
    {"stage": "payable", "minor": 14249200, "href": "#tables", "note": "after ₹8,908.00 withheld"},
    {"stage": "paid", "minor": 9100000, "href": "#tables", "note": "the rest by 15 Nov 2026"},
]
PROBLEMS = [
    Problem(
        "unknown_account",
        "No loan account has this number.",
        "Check it against your account list.",
        row=14,
        column="loan_account_no",
        value="PL002931O442",
    ),
    Problem(
        "not_allocated",
        "This account was not with you on 2 Oct 2026.",
        "It was recalled on 30 Sep 2026; ask the bank.",
        row=31,
        column="collected_on",
        value="02/10/2026",
    ),
    Problem(
        "bad_amount",
        "An amount is more than zero.",
        "Put the amount received.",
        row=58,
        column="amount",
        value="-4,800.00",
    ),
    Problem("missing_column", "The column collected_on is missing.", "Add it; ‘Collection Dt’ is read as it too."),
]
NODES = [
    {
        "kind": "payout",
        "ref": "PO-2026-10-003",
        "minor": 14249200,
        "currency": INR,
        "status": "paid",
        "facts": "by bank file on 12 Nov 2026, UTR N316260045512",
    },
    {
        "kind": "settlement",
        "ref": "SHAKTI-2026-10",
        "minor": 14249200,
        "currency": INR,
        "status": "approved",
        "facts": "made by Arun Nair, approved by Meera Kulkarni",
    },
    {
        "kind": "statement_line",
        "ref": "SHAKTI-2026-10 line 17",
        "minor": 100000,
        "currency": INR,
        "here": True,
        "facts": "commission on receipt SR/26-27/004411",
    },
    {
        "kind": "accrual",
        "ref": "ACR-88213",
        "minor": 100000,
        "currency": INR,
        "facts": "₹12,500.00 × 8 %, slab from 70 reached at 73.5 %",
    },
    {"kind": "rule", "ref": "PL-UNSEC-2026 v3, rule b2-cash", "status": "approved"},
    {
        "kind": "collection",
        "ref": "SR/26-27/004411",
        "minor": 1250000,
        "currency": INR,
        "status": "confirmed",
        "facts": "UPI 628811904455 on 3 Oct 2026 by agent S-014",
    },
    {
        "kind": "link",
        "ref": "reference and amount",
        "minor": 1250000,
        "currency": INR,
        "status": "confirmed",
        "facts": "rule ref_amount v1, run of 4 Oct 2026",
    },
    {
        "kind": "bank_line",
        "ref": "2026/193 line 44",
        "minor": 1250000,
        "currency": INR,
        "facts": "credited 3 Oct 2026, UPI/628811904455/ANJALI D",
    },
]
EVENTS = [
    {
        "at": datetime(2026, 11, 12, 9, 4, tzinfo=UTC),
        "who": "Meera Kulkarni",
        "what": "Approved",
        "note": "“Difference to September explained.”",
        "tone": "good",
    },
    {
        "at": datetime(2026, 11, 11, 12, 40, tzinfo=UTC),
        "who": "Arun Nair",
        "what": "Submitted for approval",
        "tone": "waiting",
    },
    {"at": date(2026, 11, 1), "what": "Drafted from run 3 of October 2026", "href": "#tables"},
]
SLABS = [
    {"from": 0, "rate": "0.04"},
    {"from": 65, "rate": "0.06"},
    {"from": 70, "rate": "0.08"},
    {"from": 75, "rate": "0.10"},
]
BLOCKED = [
    {
        "label": "No bank line",
        "note": "agency, pay in and give the slip number",
        "value": 9120000,
        "tone": "blocked",
        "href": "#tables",
    },
    {
        "label": "Two candidates",
        "note": "bank, choose at the bench",
        "value": 3175000,
        "tone": "waiting",
        "href": "#tables",
    },
    {"label": "Deposited late", "note": "no cure, factor 0.90 applies", "value": 1240050, "tone": "waiting"},
]
MONTHS = [
    {"label": m, "value": v}
    for m, v in (
        ("May", 12110000),
        ("Jun", 13940000),
        ("Jul", 11870000),
        ("Aug", 15020000),
        ("Sep", 14410000),
        ("Oct", 15140000),
    )
]
CHANGES = [
    {"label": "Capacity", "was": "4,000", "now": "5,500"},
    {"label": "Net payable", "was": 13180000, "now": 14249200, "kind": "money", "currency": INR},
    {"label": "Account holder", "was": "Shakti Recovery LLP", "now": "Shakti Recovery LLP"},
]


def sample_menu() -> list[menu.Group]:
    """The bank's whole menu, every entry leading here."""
    shown: dict[str, tuple[SampleEntry, ...]] = {}
    for group in menu.MENUS["bank_admin"]:
        entries = tuple(SampleEntry(e.word, e.icon, bar=e.bar, is_first=e.word == "Settlements") for e in group.entries)
        shown[group.word] = shown.get(group.word, ()) + entries
    return [menu.Group(word, shown[word]) for word in menu.ORDER]  # type: ignore[arg-type]


@bp.route("/", methods=["GET", "POST"])
@permission(Permission.PUBLIC)
def index() -> str:
    form = SampleForm(meta={"csrf": False}, data={"legal_name": "", "capacity": 4000, "stream": "field"})
    form.legal_name.errors = ["Say what the agency is called."]
    form.agreement_from.errors = ["The agreement cannot begin after it ends."]
    if request.args.get("flash"):
        flash("Approved ₹1,42,492.00 to Shakti Recovery. It leaves with the next payout batch.", "success")
        flash("The statement does not tie: ₹50.00 are missing.", "error")
    return render_template(
        "components_page/index.html",
        form=form,
        identity=SampleIdentity(),
        menu=sample_menu(),
        period=parse_month("2026-10"),
        periods=[parse_month(text) for text in ("2026-10", "2026-09", "2026-08")],
        samples={name: value for name, value in globals().items() if name.isupper()},
        looks=statuses.by_look(),
    )


@bp.get("/job")
@permission(Permission.PUBLIC)
def job() -> Response:
    """A job that stands still at two thirds, so that its picture can be looked at."""
    return jsonify(status="running", done=20000, total=30000, message="Storing rows", href=None)


@bp.get("/refusal/<int:code>")
@permission(Permission.PUBLIC)
def refusal(code: int) -> str:
    """An error page; 422 shows its problems."""
    trouble = SampleTrouble(code, problems=PROBLEMS if code == 422 else [])
    return render_template("errors/error.html", trouble=trouble, reference="" if code == 404 else "7f3a19c2b0d4")
