"""The tax of one settlement: earlier credits under the same tax identity, the lender's position, certificates, and what follows.

What was decided is kept with the settlement as facts (JSON, minor units): they are the tax ledger the registers read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.service import lender
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement
from payouts.settlements.tax_position import Position, position_on
from payouts.tax.models import TaxCertificate
from payouts.tax.sales_tax import SalesTax, sales_tax_on, state_code
from payouts.tax.withholding import TAXED, Certificate, Credit, Withholding, rule_on, span_of, withhold
from portal.kernel.periods import Period, month_of


@dataclass(frozen=True, slots=True)
class Assessed:
    """The taxes of a document, and the facts that are kept of them."""

    withholding: Withholding
    sales_tax: SalesTax
    facts: dict[str, Any]


def settlement_tax(session: Session, agency: Agency, period: Period, base_minor: int) -> Assessed:
    """What to withhold from a fee credited on the period's last day and what tax is charged on it.

    Documents of one tax identity are assessed one after the other, so that no threshold or limit is used twice.
    """
    identity = agency.pan or f"agency {agency.id}"
    session.scalar(select(func.pg_advisory_xact_lock(func.hashtext(f"tax of {identity}"))))
    position = position_on(session, agency.country, period.last_day)
    withholding, covers = _withheld(session, agency, period, base_minor, position)
    sales_tax = _charged(session, agency, period, base_minor, position)
    facts = {
        "withholding": _facts(withholding) | {"covers": covers, "tax_id": agency.pan or ""},
        "sales_tax": _facts(sales_tax)
        | {"total_minor": sales_tax.total_minor, "is_registered": position.is_registered(agency)},
    }
    return Assessed(withholding, sales_tax, facts)


def _withheld(
    session: Session, agency: Agency, period: Period, base_minor: int, position: Position
) -> tuple[Withholding, list[dict[str, Any]]]:
    """The deduction, and which earlier credits it covers: [{ref, agency, period, base_minor}]."""
    day, nature = period.last_day, position.nature(agency)
    rule = rule_on(agency.country, day, position.withholding, nature)
    others = others_of(session, agency, period, span_of(rule, day)) if rule else []
    others = [row for row in others if row.nature in ("", nature)]
    covered = _covered(others)
    earlier = {row.ref: row.credit(covered) for row in others if row.comes_before(agency, period)}
    result = withhold(
        base_minor,
        day,
        has_tax_id=bool(agency.pan),
        earlier=earlier.values(),
        covered_minor=covered.get((agency.code, period.label), 0),
        country=agency.country,
        nature=nature,
        rules=position.withholding,
        certificates=certificates_for(session, agency, period),
    )
    if not result.is_taxed or result.aggregate_minor <= result.threshold_minor:
        return result, []
    known = {row.ref: row for row in others}
    opened = [(known[ref], credit.open_minor) for ref, credit in earlier.items() if credit.open_minor]
    return result, [
        {"ref": row.ref, "agency": row.agency_code, "period": row.period.label, "base_minor": minor}
        for row, minor in opened
    ]


@dataclass(frozen=True, slots=True)
class Other:
    """Another live settlement under the same tax identity, with what its tax was."""

    ref: str
    agency_id: int
    agency_code: str
    period: Period
    status: str
    facts: dict[str, Any]

    @property
    def nature(self) -> str:
        return str(self.facts.get("nature", ""))

    @property
    def base_minor(self) -> int:
        return int(self.facts.get("base_minor", 0))

    def comes_before(self, agency: Agency, period: Period) -> bool:
        """By month, then by agency; and whatever is approved already, of a later month too."""
        return (self.period, self.agency_id) < (period, agency.id) or self.status in IN_THE_LEDGER

    def credit(self, covered: dict[tuple[str, str], int]) -> Credit:
        taxed = self.facts.get("reason") in TAXED
        left = 0 if taxed else self.base_minor - covered.get((self.agency_code, self.period.label), 0)
        return Credit(self.period.last_day, self.base_minor, left)


def others_of(session: Session, agency: Agency, period: Period, span: Period) -> list[Other]:
    """Live settlements of the span's months under the agency's tax identity, but for its own of this month."""
    query = (
        select(
            *(Settlement.ref, Settlement.agency_id, Agency.code),
            *(Settlement.period_start, Settlement.status, Settlement.tax),
        )
        .join(Agency, Agency.id == Settlement.agency_id)
        .where(_same_identity(agency), Settlement.status != "void")
        .where(Settlement.period_start >= span.start, Settlement.period_start < span.end)
        .where((Settlement.agency_id != agency.id) | (Settlement.period_start != period.start))
        .order_by(Settlement.period_start, Settlement.agency_id)
    )
    return [
        Other(ref, agency_id, code, month_of(start), status, dict(tax.get("withholding") or {}))
        for ref, agency_id, code, start, status, tax in session.execute(query)
    ]


def _same_identity(agency: Agency) -> ColumnElement[bool]:
    return Agency.pan == agency.pan if agency.pan else Agency.id == agency.id


def _covered(others: Iterable[Other]) -> dict[tuple[str, str], int]:
    """What later documents have taxed of the fees of earlier ones, by agency and month: a draft may since be another one."""
    found: dict[tuple[str, str], int] = {}
    rows = list(others)
    by_ref = {row.ref: row for row in rows}
    for row in rows:
        for each in row.facts.get("covers", []):
            if isinstance(each, str):  # as it was kept at first: the whole of a settlement, by its reference
                if known := by_ref.get(each):
                    key, minor = (known.agency_code, known.period.label), known.base_minor
                    found[key] = found.get(key, 0) + minor
                continue
            key = (str(each["agency"]), str(each["period"]))
            found[key] = found.get(key, 0) + int(each["base_minor"])
    return found


def certificates_for(session: Session, agency: Agency, period: Period) -> list[Certificate]:
    """Accepted certificates of the tax identity, with what other documents have left of their limits."""
    if not agency.pan:
        return []
    query = (
        select(TaxCertificate)
        .join(Agency, Agency.id == TaxCertificate.agency_id)
        .where(_same_identity(agency), TaxCertificate.status == "accepted")
        .where(TaxCertificate.valid_from < period.end)
        .order_by(TaxCertificate.valid_from, TaxCertificate.ref)
    )
    rows = session.scalars(query).all()
    if not rows:
        return []
    used = used_of(session, rows, but=(agency.id, period))
    return [
        Certificate(
            row.ref,
            row.certificate_no,
            row.section,
            row.rate,
            row.valid_from,
            row.valid_to,
            max(0, row.limit_minor - used.get(row.ref, 0)),
        )
        for row in rows
    ]


def used_of(
    session: Session, certificates: Sequence[TaxCertificate], *, but: tuple[int, Period] | None = None
) -> dict[str, int]:
    """Certificate → what live settlements have deducted under it, in minor units of their fees; `but` one of an agency's month."""
    part = func.jsonb_array_elements(Settlement.tax["withholding"]["parts"]).table_valued("value").lateral()
    ref = part.c.value.op("->>")("certificate_ref")
    wanted = {each.ref for each in certificates}
    query = (
        select(ref, Settlement.agency_id, Settlement.period_start, part.c.value.op("->>")("base_minor"))
        .select_from(Settlement)
        .join(part, Settlement.status != "void")
        .where(func.jsonb_typeof(Settlement.tax["withholding"]["parts"]) == "array", ref.in_(wanted))
    )
    found: dict[str, int] = {}
    for certificate, agency_id, start, base in session.execute(query):
        if but is None or (agency_id, start) != (but[0], but[1].start):
            found[certificate] = found.get(certificate, 0) + int(base)
    return found


def _charged(session: Session, agency: Agency, period: Period, base_minor: int, position: Position) -> SalesTax:
    paying = lender(session)
    return sales_tax_on(
        base_minor,
        period.last_day,
        country=agency.country,
        entity_type=paying.entity_type,
        lender_state=state_code(paying.gstin, paying.state),
        agency_state=state_code(agency.gstin, agency.state),
        is_registered=position.is_registered(agency),
        withholds=position.withholds,
        rules=position.sales_tax,
        withheld_rules=position.withheld_sales_tax,
    )


def _facts(result: Withholding | SalesTax) -> dict[str, Any]:
    """As JSON: rates and days as text."""
    return {name: _plain(value) for name, value in asdict(result).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, int | str) else str(value)
