"""The judge: what the provider and the bank did, held against our rows, our log and our ledger."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from payouts.difference import Findings
from payouts.ties import ledger_ties
from payouts.verify import verify
from payouts.verify_records import check_audit_chain
from portal.kernel.db import bank_scope
from tests.chaos.ground import Ground

GONE = ("sending", "sent", "paid", "unknown")  # what our books may say of a payment the provider has
UNDER_WAY = ("queued", "sending", "sent")


@dataclass(frozen=True, order=True)
class Found:
    """Something that must never be. `code` is its kind."""

    code: str
    about: str
    said: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.about} {self.said}".strip()


PAYMENTS = """
    select p.ref, p.status, p.amount_minor, s.ref, s.status, s.net_minor - s.disputed_minor, b.rail, p.updated_at
      from payouts p join settlements s on s.id = p.settlement_id join payout_batches b on b.id = p.batch_id
"""


def at_any_moment(ground: Ground, bank_paid: dict[str, int]) -> list[Found]:
    """What holds even between a death and what puts it right: nothing has left that the books do not know of, and none of it twice."""
    state = ground.provider.tell("state")
    return sorted({*_money(ground, state, bank_paid), *_imports(ground)})


def at_rest(ground: Ground, bank_paid: dict[str, int]) -> list[Found]:
    """What holds once the world is quiet: also nothing lost, and the books tie."""
    found = {
        *at_any_moment(ground, bank_paid),
        *_lost(ground, bank_paid),
        *_once(ground),
        *_steps(ground),
        *_outbox(ground),
    }
    with ground.quiet_logins.session(bank_scope(ground.clock.today())) as session:
        ties = [tie for tie in ledger_ties(session) if tie.difference_minor]
        found |= {
            Found("ledger_unequal", tie.account, f"{tie.ledger_minor} against {tie.source_minor}") for tie in ties
        }
        chain = Findings()
        check_audit_chain(session, chain)
        found |= {Found("audit_broken", str(each)) for each in chain.differences}
    return sorted(found)


def at_the_end(ground: Ground, bank_paid: dict[str, int]) -> list[Found]:
    """At rest, and `portal verify` finds no difference."""
    found = set(at_rest(ground, bank_paid))
    with ground.quiet_logins.session(bank_scope(ground.clock.today())) as session:
        found |= {Found("verify_differs", str(each)) for each in verify(session, ground.store).differences}
    return sorted(found)


def _money(ground: Ground, state: dict[str, Any], bank_paid: dict[str, int]) -> Iterator[Found]:
    """Out at the provider and at the bank, by settlement: known, of one payment, of the right amount."""
    payouts = {row[0]: row for row in ground.rows(PAYMENTS)}
    out: dict[str, int] = defaultdict(int)
    for ref in sorted({*state, *bank_paid}):
        there = state.get(ref, {"gone": 0, "transfers": 0, "payouts": [], "keys": []})
        gone = there["gone"] + bank_paid.get(ref, 0)
        if len(there["keys"]) > len({key.split()[0] for key in there["keys"]}):
            yield Found("second_key", ref, ", ".join(there["keys"]))
        if there["transfers"] > 1 or len(there["payouts"]) > 1:
            yield Found("made_twice", ref, f"{there['transfers']} transfers, {len(there['payouts'])} payouts")
        if ref not in payouts:
            yield Found("unknown_to_us", ref, str(gone)) if gone else Found("asked_unrecorded", ref)
            continue
        _, status, amount, settlement, *_ = payouts[ref]
        if gone and status not in GONE:
            yield Found("unknown_to_us", ref, f"{gone} is gone, ours is {status}")
        if gone and gone != amount:
            yield Found("other_amount", ref, f"{gone} for {amount}")
        out[settlement] += gone
    for row in payouts.values():
        if out[row[3]] > row[5]:
            yield Found("paid_twice", row[3], f"{out[row[3]]} for {row[5]}")
    if state and any(not row[6].startswith("stripe") and state.get(row[0]) for row in payouts.values()):
        yield Found("other_rail", "a payout by file reached the provider")


def _lost(ground: Ground, bank_paid: dict[str, int]) -> Iterator[Found]:
    """Approved money that no longer goes anywhere, and deliveries or jobs that nobody works off."""
    state = ground.provider.tell("state")
    for ref, status, _, settlement, settled, _, _, since in ground.rows(PAYMENTS):
        if status == "paid" and not state.get(ref, {}).get("gone", 0) + bank_paid.get(ref, 0):
            yield Found("never_paid", ref, f"paid since {since}, now {ground.clock.now()}, there {state.get(ref)}")
        if status in UNDER_WAY:
            yield Found("lost", ref, f"is still {status}")
        if status == "paid" and settled != "paid":
            yield Found("lost", settlement, f"is {settled}, {ref} paid")
    stuck = "select ref, status from settlements s where status = 'paying' and not exists (select from payouts p"
    for ref, _ in ground.rows(
        f"{stuck} where p.settlement_id = s.id and p.status not in ('failed','returned','void'))"
    ):
        yield Found("lost", ref, "is being paid by nothing")
    for (event,) in ground.rows("select event_id from provider_events where done_at is null"):
        yield Found("lost", event, "was never worked off")


def _once(ground: Ground) -> Iterator[Found]:
    """One approval a round, one live payout a settlement, one effect a delivery, one entry a step."""
    live = "select settlement_id, count(*) from payouts where status not in ('failed','returned','void') group by 1"
    for settlement, count in ground.rows(f"{live} having count(*) > 1"):
        yield Found("two_payouts", str(settlement), str(count))
    acts = (
        "select subject, ref, round, act, count(*) from item_acts where act in ('approved', 'made') group by 1, 2, 3, 4"
    )
    for subject, ref, _, act, count in ground.rows(f"{acts} having count(*) > 1"):
        yield Found("approved_twice", f"{subject} {ref}", f"{act} {count} times")
    for code, subject in (("delivery_twice", "provider_event"),):
        query = "select subject_ref, count(*) from audit_events where subject_type = %s group by 1 having count(*) > 1"
        for ref, count in ground.rows(query, subject):
            yield Found(code, ref, f"{count} times")
    again = "select event_id, count(*) from provider_events group by 1 having count(*) > 1"
    for ref, count in ground.rows(again):
        yield Found("delivery_twice", ref, f"kept {count} times")
    entries = "select subject_ref, kind, count(*) from journal_entries group by 1, 2 having count(*) > 1"
    for ref, kind, count in ground.rows(entries):
        yield Found("posted_twice", ref, f"{kind} {count} times")
    for (difference,) in ground.rows("select sum(debit_minor - credit_minor) from journal_lines"):
        if difference:
            yield Found("ledger_unequal", "all of it", str(difference))


def _steps(ground: Ground) -> Iterator[Found]:
    """Every step of a settlement, a batch, a payout is on record in its order, and the record ends where the row stands."""
    rows: dict[tuple[str, str], str] = {}
    for subject, table in (("settlement", "settlements"), ("payout_batch", "payout_batches"), ("payout", "payouts")):
        rows |= {(subject, ref): status for ref, status in ground.rows(f"select ref, status from {table}")}
    begin = {"settlement": "draft", "payout_batch": "made", "payout": "queued"}
    at = {key: begin[key[0]] for key in rows}
    query = (
        "select subject_type, subject_ref, body from audit_events where tag like '%%:moved' and subject_type = any(%s)"
    )
    for subject, ref, body in ground.rows(f"{query} order by id", list(begin)):
        data = json.loads(body)["data"]
        if at.get((subject, ref)) != data["before"]:
            yield Found("audit_differs", ref, f"{data['before']} to {data['after']} from {at.get((subject, ref))}")
        at[subject, ref] = data["after"]
    for (subject, ref), status in at.items():
        if rows.get((subject, ref)) != status:
            yield Found("audit_differs", ref, f"the record ends at {status}, the row at {rows.get((subject, ref))}")
    posted = Counter(row[0] for row in ground.rows("select subject_ref from journal_entries"))
    for (subject, ref), status in rows.items():
        if subject == "payout" and not posted[ref]:
            yield Found("unposted", ref)
        if subject == "settlement" and (posted[ref] > 0) != (status not in ("draft", "submitted", "checked")):
            yield Found("unposted", ref, f"{status} with {posted[ref]} entries")


def _outbox(ground: Ground) -> Iterator[Found]:
    """Where the bank's upload picks files up lies what was approved and nothing else it would take."""
    right = dict(ground.rows("select file_name, file_sha256 from payout_batches where file_sha256 is not null"))
    for path in ground.outbox.glob("[!.]*"):
        if right.get(path.name) != hashlib.sha256(path.read_bytes()).hexdigest():
            yield Found("stray_file", path.name)


def _imports(ground: Ground) -> Iterator[Found]:
    """A file's rows are all there or none; and no receipt is there twice."""
    query = """
        select u.ref, u.status, u.created, count(c.id) from uploads u left join collections c on c.upload_id = u.id
         group by 1, 2, 3 having count(c.id) <> case when u.status like 'stored%%' then u.created else 0 end
    """
    for ref, status, created, there in ground.rows(query):
        yield Found("import_in_part", ref, f"{status}: {there} of {created}")
    twice = "select agency_id, receipt_key, count(*) from collections group by 1, 2 having count(*) > 1"
    for _, receipt, count in ground.rows(twice):
        yield Found("row_twice", receipt, str(count))
