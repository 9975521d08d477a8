"""Codes that files, tables and dated rules share: ways of paying, kinds of contact and evidence, whom an agent meets. Pure."""

from __future__ import annotations

MODES = ("cash", "cheque", "dd", "upi", "neft", "rtgs", "imps", "card", "wallet", "mobile_money", "auto_debit")
CONTACT_KINDS = ("visit", "call", "message", "letter")
PERSONS = ("borrower", "co_borrower", "guarantor", "family", "other", "nobody")
EVIDENCE_KINDS = ("receipt", "deposit_slip", "premises", "letter", "identity", "call", "other")
