"""Gates: what keeps an account from an agency. Each stops exactly what it names, with the reason and what would open it. Pure.

An agency is asked once for a term, an account once, the two together by where and what the agency is licensed to work, and last
whether there is room. Imports of allocations and strategies ask the same gates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

OPEN_STATUSES = ("empanelled", "watch_list")  # a suspended agency works what it holds, and is given no more
# What a lender may rule of an agency that lists no agents.
UNLISTED = ("stop", "files", "allow")


@dataclass(frozen=True, slots=True)
class Gate:
    """`about`: whom it stops: an agency, an account, the one from the other (`pair`), or what is beyond an agency's room."""

    code: str
    about: str
    words: str
    cure: str


GATES = {
    each.code: each
    for each in (
        Gate("agency_shut", "agency", "The agency is given no accounts", "Choose another agency, or empanel this one."),
        Gate(
            "agreement_not_in_force",
            "agency",
            "Its agreement does not cover the term",
            "Keep the term within the agreement, or extend the agreement.",
        ),
        Gate(
            "papers_lapsed", "agency", "A paper it needs is missing or has run out", "Have the paper renewed and filed."
        ),
        Gate(
            "no_certified_agent",
            "agency",
            "None of its agents is certified and verified",
            "Record an agent's certificate and police verification in force, or choose another agency.",
        ),
        Gate("no_snapshot", "account", "Nobody knows what it owed", "Import the accounts as of an earlier day."),
        Gate("already_allocated", "account", "Somebody holds it", "Recall it first, or begin after that term."),
        Gate("open_complaint", "account", "A complaint about it is open", "Close the complaint first."),
        Gate("fraud_suspected", "account", "It is under a fraud enquiry", "Close the enquiry first."),
        Gate("in_litigation", "account", "It is before a court", "Leave it to the lawyers, or lift the hold."),
        Gate("borrower_deceased", "account", "The borrower has died", "Leave it with the bank's settlement of claims."),
        Gate("on_hold", "account", "The account is on hold", "Lift the hold first."),
        Gate("outside_states", "pair", "Not a state the agency works in", "Choose an agency that works there."),
        Gate("outside_pincodes", "pair", "Not a pincode the agency works in", "Choose an agency that works there."),
        Gate("outside_products", "pair", "Not a product the agency may work", "Choose an agency licensed for it."),
        Gate(
            "capacity_full", "room", "The agency has as many accounts as it can work", "Raise its capacity, or recall."
        ),
        Gate("exposure_full", "room", "The agency would hold more than its cap", "Raise its cap, or recall accounts."),
    )
}
HOLD_GATES = {
    "complaint": "open_complaint",
    "fraud": "fraud_suspected",
    "litigation": "in_litigation",
    "deceased": "borrower_deceased",
}
NO_WORK = ("no_work", "both")


@dataclass(frozen=True, slots=True)
class Stop:
    """That a gate is shut, and what it says of this one."""

    code: str
    message: str

    @property
    def cure(self) -> str:
        return GATES[self.code].cure


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """What is known of an agency on the first day of a term. No list of states, pincodes or products: all of them.

    `agents` are those on its list, `able` those of them fit to work; `unlisted`: what holds where it lists nobody, one of
    UNLISTED. `held` and `held_minor`: the accounts it holds that day and their principal (minor units).
    """

    id: int
    code: str
    status: str
    agreement_from: date
    agreement_to: date | None
    agents: int
    able: int
    held: int = 0
    held_minor: int = 0
    capacity: int | None = None
    exposure_cap_minor: int | None = None
    states: frozenset[str] | None = None
    pincodes: tuple[str, ...] | None = None
    products: frozenset[str] | None = None
    papers_lapsed: tuple[str, ...] = ()
    unlisted: str = "files"


def agency_stops(facts: AgencyFacts, from_on: date, to_on: date | None, *, by_file: bool = False) -> Iterator[Stop]:
    """Why an agency may be given nothing for a term; a term without an end is longer than any agreement that has one.

    `by_file`: a file of allocations asks, whose agencies may keep the list of their agents elsewhere.
    """
    if facts.status not in OPEN_STATUSES:
        yield Stop("agency_shut", f"{facts.code} may not be given accounts: {facts.status.replace('_', ' ')}.")
    beyond = facts.agreement_to is not None and (to_on is None or max(from_on, to_on) > facts.agreement_to)
    if from_on < facts.agreement_from or beyond:
        until = facts.agreement_to or "further notice"
        message = f"The agreement of {facts.code} runs from {facts.agreement_from} to {until}."
        message += " The term has no last day." if to_on is None and facts.agreement_to is not None else ""
        yield Stop("agreement_not_in_force", message)
    if facts.papers_lapsed:
        yield Stop("papers_lapsed", f"Missing or run out at {facts.code}: {', '.join(facts.papers_lapsed)}.")
    if facts.agents and not facts.able:
        message = f"No agent of {facts.code} has a valid certificate and verification on {from_on}."
        yield Stop("no_certified_agent", message)
    elif not facts.agents and not unlisted_passes(facts.unlisted, by_file=by_file):
        yield Stop("no_certified_agent", f"{facts.code} has no agent on its list.")


def unlisted_passes(rule: str, *, by_file: bool) -> bool:
    """Whether an agency that lists no agent may be given accounts."""
    return rule == "allow" or (by_file and rule == "files")


def hold_gate(cause: str, effect: str) -> str | None:
    """The gate a hold shuts. What is about the borrower's standing keeps the account back whatever the hold's effect; any other
    hold does when it forbids work."""
    return HOLD_GATES.get(cause) or ("on_hold" if effect in NO_WORK else None)


def area_stop(facts: AgencyFacts, state: str, pincode: str, product: str) -> Stop | None:
    """Why this account is not the agency's to work: the first of state, pincode, product. Compared without regard to case."""
    if facts.states is not None and fold(state) not in facts.states:
        return Stop("outside_states", f"{facts.code} does not work in {state or 'an unknown state'}.")
    if facts.pincodes is not None and not fold(pincode).startswith(facts.pincodes):
        return Stop("outside_pincodes", f"{facts.code} does not work in {pincode or 'an unknown pincode'}.")
    if facts.products is not None and fold(product) not in facts.products:
        return Stop("outside_products", f"{facts.code} is not licensed for {product}.")
    return None


def fold(word: str) -> str:
    return word.strip().upper()


@dataclass(slots=True)
class Room:
    """How many more accounts and how much more principal an agency can take; None: no limit. Takes one account after the other."""

    code: str
    accounts: int | None
    minor: int | None

    @classmethod
    def of(cls, facts: AgencyFacts) -> Room:
        accounts = None if facts.capacity is None else max(facts.capacity - facts.held, 0)
        cap = facts.exposure_cap_minor
        return cls(facts.code, accounts, None if cap is None else max(cap - facts.held_minor, 0))

    def take(self, minor: int) -> Stop | None:
        """Take an account in, or say what it would be beyond."""
        if self.accounts == 0:
            return Stop("capacity_full", f"{self.code} has as many accounts as it can work.")
        if self.minor is not None and minor > self.minor:
            return Stop("exposure_full", f"{self.code} would hold more than its cap.")
        if self.accounts is not None:
            self.accounts -= 1
        if self.minor is not None:
            self.minor -= minor
        return None
