"""Indian identifiers an agency is known by: PAN, GSTIN, Udyam, IFSC. Pure; the rules are python-stdnum's, the IFSC's is RBI's."""

from __future__ import annotations

import re

from stdnum import luhn
from stdnum.exceptions import InvalidComponent, ValidationError
from stdnum.in_ import gstin as gstin_rules
from stdnum.in_ import pan as pan_rules

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NEWER_STATES = ("38", "97")  # Ladakh and "other territory", which the library does not list yet
UDYAM = re.compile(r"UDYAM-[A-Z]{2}-\d{2}-\d{7}", re.ASCII)  # state, district, number; it has no check digit
IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}", re.ASCII)


def pan_fault(pan: str) -> str | None:
    """Why this is no PAN, or None when it is one."""
    try:
        pan_rules.validate(pan)
    except ValidationError as error:
        return f"“{pan}” is not a PAN: {error}"
    return None


def gstin_fault(gstin: str, pan: str | None = None) -> str | None:
    """Why this is no GSTIN (check digit included), or not the GSTIN of this PAN; None when all is well."""
    try:
        _check_gstin(gstin_rules.compact(gstin))
    except ValidationError as error:
        return f"“{gstin}” is not a GSTIN: {error}"
    if pan and gstin_rules.to_pan(gstin) != pan_rules.compact(pan):
        return f"The GSTIN {gstin} belongs to the PAN {gstin_rules.to_pan(gstin)}, not to {pan}."
    return None


def _check_gstin(gstin: str) -> None:
    try:
        gstin_rules.validate(gstin)
    except InvalidComponent:
        if gstin[:2] not in NEWER_STATES:
            raise
        pan_rules.validate(gstin[2:12])
        luhn.validate(gstin, ALPHABET)


def ifsc_fault(ifsc: str) -> str | None:
    """Why this is no IFSC, or None: four letters of the bank, a zero, six of the branch."""
    return None if IFSC.fullmatch(ifsc) else f"“{ifsc}” is not an IFSC: four letters, a zero, six letters or digits."


def udyam_fault(udyam_no: str) -> str | None:
    """Why this is no Udyam registration number, or None when it has the form of one."""
    if UDYAM.fullmatch(udyam_no):
        return None
    return f"“{udyam_no}” is not a Udyam number: UDYAM, two letters, two digits, seven digits, such as UDYAM-KR-03-0001234."
