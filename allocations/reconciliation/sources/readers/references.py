"""References out of a bank line: UTR, RRN, cheque, slip and loan numbers, from its fields and its narrative."""

from __future__ import annotations

import re

from allocations.keys import normalise_reference
from allocations.keys import reference_keys as keys_of_texts

# Banks glue a label to the number (`CHQ000123`, `UTRAXISN123`, `REFNO77`): the number alone is a key too.
GLUED = re.compile(r"\b(?:CHEQUE|CHQ|CHEQ|UTR|RRN|SLIP|REF|DEP|TXN|LAN)(?:NO)?[.:#-]?((?=[A-Z]*\d)[A-Z0-9]{3,35})\b")


def reference_keys(bank_ref: str, customer_ref: str, description: str) -> tuple[str, ...]:
    """Every normalised key a bank line offers, sorted, without repeats.

    >>> reference_keys("", "", "BY CLG CHQ000123 RAVI")
    ('123', 'CHQ000123')
    """
    texts = (bank_ref, customer_ref, description)
    found = set(keys_of_texts(*texts))
    for text in texts:
        found.update(normalise_reference(match[1]) for match in GLUED.finditer(text.upper()))
    return tuple(sorted(key for key in found if key))
