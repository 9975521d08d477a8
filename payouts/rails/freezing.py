"""A payment's facts as canonical text: kept beside the payout and the batch, so that a file can be written again for ever. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import date, datetime

from payouts.rails.protocol import BatchFacts, Beneficiary, Instruction
from payouts.rate_cards.spelling import canonical


def frozen_instruction(each: Instruction) -> str:
    """What is paid, to whom and why; `thawed` reads it back to the same."""
    told = asdict(replace(each, provider_ref=""))
    if not each.pointed_by:  # it goes where its statement says: spelled as before there was any other way
        del told["pointed_by"]
    return canonical(told)


def thawed_instruction(text: str) -> Instruction:
    """ValueError or TypeError when the text is not one of ours."""
    data = json.loads(text)
    return Instruction(**data | {"beneficiary": Beneficiary(**data["beneficiary"])})


def frozen_batch(batch: BatchFacts) -> str:
    """The file's own facts, without its payments: each payout keeps its own."""
    data = {name: value for name, value in asdict(replace(batch, instructions=())).items() if name != "instructions"}
    data["made_on"] = batch.made_on.isoformat()
    data["made_at"] = batch.made_at.isoformat() if batch.made_at else None
    return canonical(data)


def thawed_batch(text: str, payouts: Iterable[str]) -> BatchFacts:
    """The facts of a file from its batch's text and its payouts', in their order. ValueError or TypeError on any other text."""
    data = json.loads(text)
    made_at = datetime.fromisoformat(data["made_at"]) if data["made_at"] else None
    instructions = tuple(thawed_instruction(each) for each in payouts)
    return BatchFacts(
        **data | {"made_on": date.fromisoformat(data["made_on"]), "made_at": made_at, "instructions": instructions}
    )
