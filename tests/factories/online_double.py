"""A provider that keeps what it was asked, and does as it is told: the least an online rail is tried with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from payouts.rails.protocol import Declined, Fate, Instruction, Made, Sent, Unknown


@dataclass
class OnlineDouble:
    """`fault`: what happens to the next request: lost_before | lost_after | declined; empty when it answers.

    Requests under one key are one payment, as long as the provider remembers its keys.
    """

    fault: str = ""
    paid: dict[str, Fate] = field(default_factory=dict)  # by our reference
    keys: dict[str, Sent] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # act, our reference, bytes
    doubles: int = 0

    name = "stripe_connect"
    profile_name = ""
    profile_version = None

    def request_of(self, instruction: Instruction) -> str:
        return f"amount={instruction.amount_minor}&destination={instruction.destination}&ref={instruction.ref}"

    def send(self, instruction: Instruction, request: str, key: str) -> Sent:
        self.asked.append(("send", instruction.ref, request))
        fault, self.fault = self.fault, ""
        if fault == "lost_before":
            raise Unknown("The connection was reset")
        if fault == "declined":
            raise Declined("The account is closed")
        if key not in self.keys:
            self.doubles += instruction.ref in self.paid
            self.keys[key] = Sent(f"po_{instruction.ref}")
            self.paid[instruction.ref] = Fate("sent", f"po_{instruction.ref}", amount_minor=instruction.amount_minor)
        if fault == "lost_after":
            raise Unknown("No answer in time")
        return self.keys[key]

    def look_up(self, instruction: Instruction) -> Fate:
        self.asked.append(("look_up", instruction.ref, ""))
        if self.fault == "down":
            raise Unknown("Nobody answers")
        return self.paid.get(instruction.ref, Fate("absent"))

    def made_since(self, since: datetime) -> list[Made]:
        at = since + timedelta(minutes=1)
        return [
            Made(fate.provider_ref, ref, fate.amount_minor or 0, "INR", "acct_1", at) for ref, fate in self.paid.items()
        ]
