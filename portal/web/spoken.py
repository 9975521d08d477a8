"""Codes as people say them: ways of paying, states, desks. A code nobody knows stays as it is."""

from __future__ import annotations

from allocations.reconciliation.matching.reasons import OWNERS

MODES = {
    "upi": "UPI",
    "neft": "NEFT",
    "rtgs": "RTGS",
    "imps": "IMPS",
    "dd": "Demand draft",
    "auto_debit": "Standing instruction",
}
# The two digits a GSTIN begins with.
STATES = {
    "01": "Jammu and Kashmir",
    "02": "Himachal Pradesh",
    "03": "Punjab",
    "04": "Chandigarh",
    "05": "Uttarakhand",
    "06": "Haryana",
    "07": "Delhi",
    "08": "Rajasthan",
    "09": "Uttar Pradesh",
    "10": "Bihar",
    "11": "Sikkim",
    "12": "Arunachal Pradesh",
    "13": "Nagaland",
    "14": "Manipur",
    "15": "Mizoram",
    "16": "Tripura",
    "17": "Meghalaya",
    "18": "Assam",
    "19": "West Bengal",
    "20": "Jharkhand",
    "21": "Odisha",
    "22": "Chhattisgarh",
    "23": "Madhya Pradesh",
    "24": "Gujarat",
    "26": "Dadra and Nagar Haveli and Daman and Diu",
    "27": "Maharashtra",
    "29": "Karnataka",
    "30": "Goa",
    "31": "Lakshadweep",
    "32": "Kerala",
    "33": "Tamil Nadu",
    "34": "Puducherry",
    "35": "Andaman and Nicobar Islands",
    "36": "Telangana",
    "37": "Andhra Pradesh",
    "38": "Ladakh",
    "97": "Other territory",
}


def mode(code: str | None) -> str:
    """How money was paid: UPI, NEFT, Cash."""
    text = str(code or "").strip()
    return MODES.get(text) or text.replace("_", " ").capitalize() or "–"


def desk(code: str | None) -> str:
    """Whose desk a break lies on: Bank operations, The agency."""
    text = str(code or "").strip()
    return OWNERS.get(text) or text.replace("_", " ").capitalize() or "–"


def state(code: str | None) -> str:
    """A state's name for its two digits; a name stays a name."""
    text = str(code or "").strip()
    return STATES.get(text, text) or "–"
