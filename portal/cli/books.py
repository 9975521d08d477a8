"""`portal books issue|list|attention`: the receipt numbers agencies may write."""

from __future__ import annotations

import click

from allocations.agencies.queries import find_agency
from allocations.collections.receipts import book_lists
from allocations.collections.receipts.book_lists import BookState
from allocations.collections.receipts.books_service import KINDS, issue_book
from allocations.collections.receipts.standing_out_queries import StandsOut, stands_out
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, money, with_edge
from portal.kernel.money import shown
from portal.kernel.periods import month_of, parse_month


@click.group("books", cls=PortalGroup)
def books() -> None:
    """Receipt books: issued to agencies, handed to agents."""


@books.command("issue")
@click.option("--agency", "agency_code", required=True, metavar="CODE", help="Who gets the book.")
@click.option("--kind", type=click.Choice(KINDS), default="paper", show_default=True)
@click.option("--prefix", default="", help="What stands before the digits.")
@click.option("--first", "first_no", type=int, required=True, help="The first number.")
@click.option("--last", "last_no", type=int, required=True, help="The last number.")
@click.option(
    "--width", type=int, help="How many digits, with zeros in front. Default: as many as the last number has."
)
@with_edge
def issue(edge: Edge, agency_code: str, kind: str, prefix: str, first_no: int, last_no: int, width: int | None) -> None:
    """Issue a range of numbers to an agency; needs a person of the bank (--as)."""
    with edge.unit() as session:
        book = issue_book(
            session,
            find_agency(session, agency_code),
            kind=kind,
            prefix=prefix,
            first_no=first_no,
            last_no=last_no,
            width=width,
            actor=edge.actor(session, Permission.BOOK_ISSUE),
            now=edge.now,
            today=edge.today,
        )
        state = book_lists.book_state(session, book)
        payload, words = as_json(state), in_words(state)
    edge.show(payload, words)


@books.command("list")
@click.option("--agency", "agency_code", metavar="CODE", help="Of one agency only.")
@with_edge
def list_(edge: Edge, agency_code: str | None) -> None:
    """The books with what became of their numbers, the newest first."""
    with edge.reading() as session:
        edge.actor(session, Permission.BOOK_READ)
        agency = find_agency(session, agency_code) if agency_code else None
        rows = book_lists.list_books(session, agency_id=agency.id if agency else None, limit=book_lists.MOST_BOOKS)
        payload, words = [as_json(row) for row in rows], [in_words(row) for row in rows]
    edge.show({"books": payload}, "\n".join(words) or "No book is issued.")


@books.command("attention")
@click.option("--period", metavar="YYYY-MM", help="The month; default: this one.")
@click.option("--agency", "agency_code", metavar="CODE", help="Of one agency only.")
@with_edge
def attention(edge: Edge, period: str | None, agency_code: str | None) -> None:
    """What stands out in a month's receipts: numbers in no book, used twice, missing, look-alikes, cash."""
    with edge.reading() as session:
        edge.actor(session, Permission.BOOK_READ)
        agency = find_agency(session, agency_code) if agency_code else None
        month = parse_month(period) if period else month_of(edge.today)
        rows = stands_out(session, month, agency=agency)
    edge.show(
        {"period": month.label, "rows": [odd_json(row) for row in rows]},
        "\n".join(odd_words(row) for row in rows) or "Nothing stands out.",
    )


def as_json(state: BookState) -> dict[str, object]:
    book = state.book
    return {
        "ref": book.ref,
        "agency": state.agency.code,
        "kind": book.kind,
        "first": state.first,
        "last": state.last,
        "used": state.used,
        "left": state.left,
        "missing": state.gaps,
        "issued_on": book.issued_on,
        "returned_on": book.returned_on,
    }


def in_words(state: BookState) -> str:
    missing = f", missing {', '.join(state.gaps)}" if state.gaps else ""
    back = f", back {state.book.returned_on}" if state.book.returned_on else ""
    numbers = f"{state.first} to {state.last}"
    return f"{state.book.ref}: {numbers}, {state.used} used, {state.left} left{missing}{back}."


def odd_json(row: StandsOut) -> dict[str, object]:
    return {
        "code": row.code,
        "meaning": row.meaning,
        "receipt": row.receipt,
        "agency": row.agency,
        "agent": row.agent,
        "amount": money(row.amount_minor, row.currency) if row.amount_minor is not None else None,
        "currency": row.currency,
        "on": row.on,
        "detail": row.detail,
        "cure": row.cure,
    }


def odd_words(row: StandsOut) -> str:
    amount = f", {shown(row.amount_minor, row.currency)}" if row.amount_minor is not None else ""
    agent = f"/{row.agent}" if row.agent else ""
    detail = f" ({row.detail})" if row.detail else ""
    return f"{row.meaning}: {row.receipt} of {row.agency}{agent}{amount}{detail}. {row.cure}"


def register(portal: click.Group) -> None:
    portal.add_command(books)
