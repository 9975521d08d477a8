"""Acts by hand: alone within the limit, above it two people; everything looked at afresh when the second one decides."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from allocations.reconciliation.bench.acts import decide_act, undo_act, withdraw_act
from allocations.reconciliation.bench.by_hand import confirm_suggestion, link_by_hand, undo_link, write_off
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.models import BankLine, MatchLink
from payouts.difference import Findings
from payouts.verify_acts import check_acts
from payouts.verify_records import check_seals
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.errors import Forbidden, Invalid, PortalError, Refused, Stale

MAKER = Actor(7, "maker@bank.example", "bank_operator")
CHECKER = Actor(8, "checker@bank.example", "bank_approver")
LAKH = 100_000_00


def linked(book, session, now, receipt_minor, credit_minor, amount, **more):
    taken = book.receipt(more.get("no", "R1"), receipt_minor, "2026-10-05", more.get("account", "LN0001"))
    seen = book.line(credit_minor, "2026-10-06", "TRF")
    act = link_by_hand(session, taken.id, seen.id, amount, reason="He called", actor=MAKER, now=now)
    return taken, seen, act


def suggested(book, session, now, amount):
    taken = book.receipt("S1", amount, "2026-10-05", "LN0009")
    seen = book.line(amount, "2026-10-06", "TRF LN0009")
    link = MatchLink(
        agency_id=taken.agency_id,
        collection_id=taken.id,
        bank_line_id=seen.id,
        amount_minor=amount,
        status="suggested",
        rule="account_amount_window",
        rule_version=1,
        created_at=now,
    )
    session.add(link)
    session.flush()
    return link


def left_of(session, row):
    session.refresh(row)
    settled = getattr(row, "settled_minor", getattr(row, "written_off_minor", 0))
    return row.amount_minor - row.linked_minor - settled


# --- the limit


def test_within_the_limit_an_act_is_done_at_once_by_one_person(book, bank_session, now):
    taken, seen, act = linked(book, bank_session, now, 49_999_00, 49_999_00, 49_999_00)
    assert (act.status, act.decided_by) == ("done", None)
    assert left_of(bank_session, taken) == left_of(bank_session, seen) == 0


def test_from_the_limit_on_nothing_happens_until_a_second_person_says_so(book, bank_session, now):
    taken, seen, act = linked(book, bank_session, now, LAKH, LAKH, 50_000_00)
    assert act.status == "proposed" and left_of(bank_session, taken) == LAKH
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    assert (act.status, act.decided_by) == ("done", CHECKER.email)
    assert left_of(bank_session, taken) == left_of(bank_session, seen) == 50_000_00
    assert bank_session.get_one(MatchLink, act.link_id).confirmed_by == CHECKER.email


def test_parts_add_up_so_that_splitting_is_no_way_round_the_limit(book, bank_session, now):
    taken, seen, first = linked(book, bank_session, now, LAKH, LAKH, 30_000_00)
    second = link_by_hand(bank_session, taken.id, seen.id, 30_000_00, reason="the rest", actor=MAKER, now=now)
    assert (first.status, second.status) == ("done", "proposed")


def test_a_link_that_was_taken_apart_does_not_count_towards_the_limit(book, bank_session, now):
    taken, seen, first = linked(book, bank_session, now, LAKH, LAKH, 30_000_00)
    undo_link(bank_session, first.link_id, reason="wrong receipt", actor=MAKER, now=now)
    again = link_by_hand(bank_session, taken.id, seen.id, 30_000_00, reason="right after all", actor=MAKER, now=now)
    assert again.status == "done"


def test_the_maker_does_not_decide_and_the_database_says_so_too(book, bank_session, now):
    *_, act = linked(book, bank_session, now, LAKH, LAKH, LAKH)
    with pytest.raises(Forbidden):
        decide_act(bank_session, act.id, approve=True, actor=MAKER, now=now)
    act.decided_by = MAKER.email
    with pytest.raises(Exception, match="ck_hand_acts_maker_is_not_checker"):
        bank_session.flush()


def test_a_suggestion_above_the_limit_stays_suggested_until_two_agree(book, bank_session, now):
    link = suggested(book, bank_session, now, LAKH)
    assert confirm_suggestion(bank_session, link.id, actor=MAKER, now=now).status == "suggested"
    with pytest.raises(Stale, match="second person"):
        confirm_suggestion(bank_session, link.id, actor=MAKER, now=now)
    act = bank_session.scalars(select(HandAct)).one()
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    assert link.status == "confirmed"


# --- looked at afresh


def test_an_approval_is_stale_when_what_was_open_has_moved(book, bank_session, now):
    taken, seen, act = linked(book, bank_session, now, LAKH, LAKH, 60_000_00)
    other = book.receipt("R2", 1_000_00, "2026-10-05", "LN0002")
    link_by_hand(bank_session, other.id, seen.id, 1_000_00, reason="his too", actor=MAKER, now=now)
    with pytest.raises(Stale):
        decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    assert act.status == "proposed"
    decide_act(bank_session, act.id, approve=False, reason="Look again", actor=CHECKER, now=now)
    assert act.status == "rejected" and left_of(bank_session, taken) == LAKH


def test_an_approval_is_stale_once_the_statement_is_refused(book, bank_session, now):
    *_, act = linked(book, bank_session, now, LAKH, LAKH, LAKH)
    book.statement.status = "refused"
    with pytest.raises(Stale, match="statement is refused"):
        decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)


def test_what_is_decided_is_not_decided_again(book, bank_session, now):
    *_, act = linked(book, bank_session, now, LAKH, LAKH, LAKH)
    with pytest.raises(Invalid):
        decide_act(bank_session, act.id, approve=False, reason=" ", actor=CHECKER, now=now)
    decide_act(bank_session, act.id, approve=False, reason="Another receipt", actor=CHECKER, now=now)
    with pytest.raises(Stale):
        decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)


def test_only_the_maker_withdraws_what_waits(book, bank_session, now):
    *_, act = linked(book, bank_session, now, LAKH, LAKH, LAKH)
    with pytest.raises(Forbidden):
        withdraw_act(bank_session, act.id, actor=CHECKER, now=now)
    assert withdraw_act(bank_session, act.id, actor=MAKER, now=now).status == "withdrawn"
    with pytest.raises(Stale):
        decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)


# --- differences


def test_a_small_difference_is_written_off_alone_a_larger_one_by_two_and_never_more(book, bank_session, now):
    taken, _, _ = linked(book, bank_session, now, 6_000_00, 4_990_00, 4_990_00)
    with pytest.raises(Invalid, match="beyond_write_off"):
        write_off(bank_session, collection_id=taken.id, amount_minor=1_010_00, reason="x", actor=MAKER, now=now)
    small = write_off(bank_session, collection_id=taken.id, amount_minor=10_00, reason="fee", actor=MAKER, now=now)
    assert (small.status, left_of(bank_session, taken)) == ("done", 1_000_00)
    more = write_off(bank_session, collection_id=taken.id, amount_minor=1_00, reason="fee", actor=MAKER, now=now)
    assert more.status == "proposed"  # ten rupees in all were the maker's
    decide_act(bank_session, more.id, approve=True, actor=CHECKER, now=now)
    assert left_of(bank_session, taken) == 999_00
    with pytest.raises(Invalid, match="beyond_write_off"):
        write_off(bank_session, collection_id=taken.id, amount_minor=999_00, reason="x", actor=MAKER, now=now)


def test_missing_money_is_no_difference(book, bank_session, now):
    taken, seen = book.receipt("R1", 5_00, "2026-10-05", "LN0001"), book.line(5_00, "2026-10-06", "TRF")
    for side in ({"collection_id": taken.id}, {"bank_line_id": seen.id}):
        with pytest.raises(Invalid, match="nothing_linked"):
            write_off(bank_session, **side, amount_minor=5_00, reason="gone", actor=MAKER, now=now)


def test_a_difference_on_figures_of_yesterday_is_stale(book, bank_session, now):
    _, seen, _ = linked(book, bank_session, now, 90_00, 100_00, 90_00)
    given = {"bank_line_id": seen.id, "amount_minor": 5_00, "reason": "fee", "actor": MAKER, "now": now}
    write_off(bank_session, **given, expected=10_00)
    with pytest.raises(Stale):
        write_off(bank_session, **given, expected=10_00)


def test_a_written_off_difference_can_be_given_back(book, bank_session, now):
    _, seen, _ = linked(book, bank_session, now, 90_00, 100_00, 90_00)
    act = write_off(bank_session, bank_line_id=seen.id, amount_minor=10_00, reason="fee", actor=MAKER, now=now)
    assert left_of(bank_session, seen) == 0
    undone = undo_act(bank_session, act.id, reason="not a fee", actor=MAKER, now=now)
    assert (undone.kind, undone.status, act.status) == ("undo", "done", "undone")
    assert left_of(bank_session, seen) == 10_00
    with pytest.raises(Stale):
        undo_act(bank_session, act.id, reason="again", actor=MAKER, now=now)


def test_a_link_is_taken_apart_not_undone(book, bank_session, now):
    *_, act = linked(book, bank_session, now, 90_00, 100_00, 90_00)
    with pytest.raises(Invalid, match="not_undoable"):
        undo_act(bank_session, act.id, reason="no", actor=MAKER, now=now)


def test_taking_apart_above_the_limit_asks_a_second_person(book, bank_session, now):
    *_, act = linked(book, bank_session, now, LAKH, LAKH, LAKH)
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    apart = undo_link(bank_session, act.link_id, reason="wrong", actor=MAKER, now=now)
    link = bank_session.get_one(MatchLink, act.link_id)
    assert (apart.status, link.status) == ("proposed", "confirmed")
    with pytest.raises(Stale, match="second person"):
        undo_link(bank_session, act.link_id, reason="wrong", actor=MAKER, now=now)
    decide_act(bank_session, apart.id, approve=True, actor=CHECKER, now=now)
    assert link.status == "undone"


def test_what_two_people_tied_in_parts_one_of_them_does_not_take_apart(book, bank_session, now):
    _, seen, first = linked(book, bank_session, now, 30_000_00, LAKH, 30_000_00)
    taken = book.receipt("R2", 30_000_00, "2026-10-05", "LN0002")
    act = link_by_hand(bank_session, taken.id, seen.id, 30_000_00, reason="He called", actor=MAKER, now=now)
    assert (first.status, act.status) == ("done", "proposed")
    decide_act(bank_session, act.id, approve=True, actor=CHECKER, now=now)
    apart = [undo_link(bank_session, each.link_id, reason="wrong", actor=MAKER, now=now) for each in (first, act)]
    assert [each.status for each in apart] == ["done", "proposed"]


def test_every_step_of_an_act_is_in_the_audit_log(book, bank_session, now):
    *_, act = linked(book, bank_session, now, LAKH, LAKH, LAKH)
    decide_act(bank_session, act.id, approve=False, reason="Not his money", actor=CHECKER, now=now)
    bank_session.commit()
    query = select(AuditEvent.body).where(AuditEvent.tag == "hand_act:moved").order_by(AuditEvent.id)
    bodies = bank_session.scalars(query).all()
    assert ['"action":"propose"' in bodies[0], '"action":"reject"' in bodies[1]] == [True, True]
    assert "Not his money" in bodies[1] and CHECKER.email in bodies[1]


# --- many at once


def at_once(database, clock, works):
    """Run works, each in a transaction of its own, all together; what each came to."""

    def run(work):
        with database.logins.session(bank_scope(clock.today())) as session:
            try:
                with unit_of_work(session):
                    work(session)
                return "done"
            except PortalError as refused:
                return type(refused).__name__

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_twenty_people_approving_one_act_do_it_once(book, bank_session, database, clock, now):
    taken, seen, act = linked(book, bank_session, now, LAKH, LAKH, LAKH)
    bank_session.commit()
    act_id = act.id

    def approver(number):
        actor = Actor(100 + number, f"checker{number}@bank.example", "bank_approver")
        return lambda session: decide_act(session, act_id, approve=True, actor=actor, now=now)

    outcomes = at_once(database, clock, [approver(number) for number in range(20)])
    assert sorted(set(outcomes)) == ["Stale", "done"] and outcomes.count("done") == 1
    bank_session.expire_all()
    assert bank_session.scalar(select(func.count()).select_from(MatchLink)) == 1
    assert left_of(bank_session, seen) == left_of(bank_session, taken) == 0


def test_acts_on_one_credit_never_exceed_it(book, bank_session, database, clock, now):
    seen = book.line(100_00, "2026-10-06", "TRF")
    taken = [book.receipt(f"R{n}", 70_00, "2026-10-05", f"LN{n:04}") for n in range(8)]
    bank_session.commit()
    ids, line_id = [each.id for each in taken], seen.id

    def linker(collection_id):
        return lambda session: link_by_hand(session, collection_id, line_id, 70_00, reason="mine", actor=MAKER, now=now)

    outcomes = at_once(database, clock, [linker(each) for each in ids])
    assert outcomes.count("done") == 1 and set(outcomes) == {"done", "Invalid"}
    bank_session.expire_all()
    assert bank_session.get_one(BankLine, line_id).linked_minor == 70_00


def test_links_and_suggestions_that_cross_never_wait_in_a_ring(book, bank_session, database, clock, now):
    """Each link withdraws suggestions that belong to the other's rows as well."""
    taken = [book.receipt(f"R{n}", 50_00, "2026-10-05", f"LN{n:04}") for n in range(6)]
    seen = [book.line(50_00, "2026-10-06", f"TRF {n}") for n in range(6)]
    for one in taken:
        for other in seen:
            bank_session.add(
                MatchLink(
                    agency_id=one.agency_id,
                    collection_id=one.id,
                    bank_line_id=other.id,
                    amount_minor=50_00,
                    status="suggested",
                    rule="account_amount_window",
                    rule_version=1,
                    created_at=now,
                )
            )
    bank_session.commit()
    pairs = [(one.id, other.id) for one, other in zip(taken, reversed(seen), strict=True)]

    def linker(pair):
        return lambda session: link_by_hand(session, *pair, 50_00, reason="mine", actor=MAKER, now=now)

    assert at_once(database, clock, [linker(pair) for pair in pairs]) == ["done"] * 6


def test_an_unknown_act_is_not_found(bank_session, now):
    for act in (decide_act, withdraw_act):
        with pytest.raises(PortalError) as missing:
            act(bank_session, 999_999, actor=CHECKER, now=now, **({"approve": True} if act is decide_act else {}))
        assert not isinstance(missing.value, Refused)


# --- verified


def told_by_verify(session):
    findings = Findings()
    check_seals(session, findings)
    check_acts(session, findings)
    return [(each.table, each.field) for each in findings.differences]


def test_verify_finds_sums_and_signatures_that_a_hand_has_been_at(book, bank_session, database, now):
    taken, seen, _ = linked(book, bank_session, now, 100_00, 100_00, 90_00)
    for side in ({"collection_id": taken.id}, {"bank_line_id": seen.id}):
        write_off(bank_session, **side, amount_minor=5_00, reason="fee", actor=MAKER, now=now)
    *_, big = linked(book, bank_session, now, LAKH, LAKH, LAKH, no="R2", account="LN0002")
    decide_act(bank_session, big.id, approve=True, actor=CHECKER, now=now)
    bank_session.commit()
    assert told_by_verify(bank_session) == []
    for table, column, edit in (
        ("bank_lines", "settled_minor", f"update bank_lines set settled_minor = 0 where id = {seen.id}"),
        ("collections", "written_off_minor", f"update collections set written_off_minor = 0 where id = {taken.id}"),
        ("hand_acts", "decided_by", f"update hand_acts set decided_by = null where id = {big.id}"),
        (
            "hand_acts",
            "seal (amount_minor=1000000)",
            f"update hand_acts set amount_minor = 1000000 where id = {big.id}",
        ),
    ):
        database.execute(f"do $$ begin set local session_replication_role = replica; {edit}; end $$")
        bank_session.expire_all()
        assert (table, column) in told_by_verify(bank_session)
