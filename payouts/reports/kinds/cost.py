"""What a rupee recovered costs: commission and the tax on it that nobody gives back, over money seen at the bank."""

from __future__ import annotations

from fractions import Fraction

from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from payouts.commission.queries import board, run_in_force
from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Row, Section, count, money, rate, text_column
from portal.kernel.money import Money

CREDIT = "tax.input_credit"
CAME = """
select g.code, g.legal_name as name, c.currency, count(distinct c.id) as payments, sum(m.amount_minor)::bigint as came
  from match_links m join bank_lines b on b.id = m.bank_line_id join collections c on c.id = m.collection_id
  join agencies g on g.id = c.agency_id
 where m.status = 'confirmed' and b.value_on >= :since and b.value_on < :until
   and (cast(:agency as bigint) is null or c.agency_id = :agency) group by 1, 2, 3 order by 1, 3
"""
NAMES = "select code, legal_name as name from agencies where cast(:agency as bigint) is null or id = :agency"
TAXED = """
select g.code, s.currency, s.ref, coalesce((s.tax -> 'sales_tax' ->> 'total_minor')::bigint, 0) as tax
  from settlements s join agencies g on g.id = s.agency_id
 where s.period_start = :since and s.status <> 'void' and (cast(:agency as bigint) is null or s.agency_id = :agency)
"""
COLUMNS = (
    text_column("agency", "Agency", "whose commission"),
    count("payments", "Receipts", "receipts of which money was seen at the bank in the month"),
    money("came", "Recovered", "money tied to receipts and seen at the bank in the month"),
    money(
        "commission",
        "Commission",
        "what the month's accrual in force gives the agency, before tax; of a settled month what was settled",
    ),
    money("tax", "Tax on it", "GST or VAT on its statement, charged by the agency or owed by the bank itself"),
    money(
        "lost",
        "Tax not given back",
        "tax less the share that can be claimed as input credit (setting tax.input_credit)",
    ),
    money("cost", "Cost", "commission and the tax that is not given back"),
    rate("rate", "Cost of 100 recovered", "cost ÷ recovered", "cost", "came"),
    text_column("statement", "Statement", "the settlement the tax stands in; without one no tax is known yet"),
)


def gather(session: Session, asked: Asked) -> list[Section]:
    run = run_in_force(session, asked.span)
    names = {row.code: row.name for row in rows_of(session, NAMES, asked)}
    fees = {each.code: each.minor for each in board(session, run).by_agency if each.code in names} if run else {}
    lost_share = 1 - Fraction(settings_on(session, CREDIT, asked.day).get(CREDIT, "0"))
    came = {(row.code, row.currency): row for row in rows_of(session, CAME, asked)}
    taxed = {(row.code, row.currency): row for row in rows_of(session, TAXED, asked)}
    own = run.currency if run else ""
    keys = sorted({*came, *taxed, *((code, own) for code in fees)})
    rows: list[Row] = []
    for code, currency in keys:
        seen, stated = came.get((code, currency)), taxed.get((code, currency))
        commission = Money(fees.get(code, 0) if currency == own else 0, currency)
        tax = Money(stated.tax if stated else 0, currency)
        lost = tax.times(lost_share)
        rows.append(
            {
                "agency": f"{names[code]} ({code})",
                "payments": seen.payments if seen else 0,
                "came": Money(seen.came if seen else 0, currency),
                "commission": commission,
                "tax": tax,
                "lost": lost,
                "cost": commission + lost,
                "statement": stated.ref if stated else "none yet",
            }
        )
    empty = "Nothing was recovered and nothing was earned."
    return [Section("By agency", COLUMNS, rows, picture="cost", empty=empty)]


REPORT = Report(
    "cost",
    "Commission cost",
    "What each agency's recovered money cost in commission and in tax that is not given back.",
    "month",
    gather,
)
