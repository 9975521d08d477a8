"""What the cards in force ask to be known beside the money itself, so that nothing is read or written down that no rule looks at. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from payouts.commission.pools import NAMED_BY_THE_CARD, asked_of
from payouts.rate_cards.terms import DRIVER_UNITS, PERCENT, Card, When


@dataclass(frozen=True, slots=True)
class Asked:
    """`accounts`: some rule pays per account; `pools`: some driver is measured over pools only a card can name."""

    words: frozenset[str] = frozenset()
    drivers: frozenset[str] = frozenset()
    accounts: bool = False
    pools: bool = False

    @property
    def months(self) -> bool:
        return self.accounts or self.pools


def asked_by(cards: Iterable[Card]) -> Asked:
    words: set[str] = set()
    drivers: set[str] = set()
    accounts = pools = False
    for card in cards:
        drivers |= asked_of(card)
        for when in (*(rule.when for rule in card.rules), *(bonus.applies_to for bonus in card.bonuses)):
            words |= _words(when)
        for rule in card.rules:
            accounts = accounts or rule.earns_on == "account"
            percent = rule.driver is not None and DRIVER_UNITS[rule.driver] == PERCENT
            pools = pools or (percent and rule.driver_scope in NAMED_BY_THE_CARD)
    return Asked(frozenset(words), frozenset(drivers), accounts, pools)


def _words(when: When) -> set[str]:
    return {key for key, _ in when.listed} | {key for key, _ in when.ranged}
