"""Every table of the project, imported once so that its metadata is whole (migrations, verify, tests)."""

from __future__ import annotations

import importlib

from sqlalchemy import MetaData

from portal.kernel.db import Base

MODULES = (
    "portal.kernel.audit",
    "portal.kernel.files",
    "portal.kernel.progress",
    "portal.kernel.notices",
    "portal.kernel.prints",
    "portal.access.models",
    "allocations.agencies.models",
    "allocations.agencies.call_back_models",
    "allocations.agencies.empanelment_models",
    "allocations.placements.models",
    "allocations.placements.outcome_models",
    "allocations.placements.strategies.models",
    "allocations.placements.request_models",
    "allocations.placements.borrower_notice_models",
    "allocations.collections.models",
    "allocations.collections.field_models",
    "allocations.reconciliation.models",
    "allocations.reconciliation.bench_models",
    "allocations.scorecards.models",
    "allocations.casework.models",
    "allocations.casework.conduct.models",
    "allocations.casework.conduct.fraud_models",
    "allocations.casework.legal.models",
    "allocations.casework.letters.models",
    "allocations.casework.campaigns.models",
    "allocations.casework.note_models",
    "allocations.casework.offer_models",
    "allocations.casework.plan_models",
    "payouts.rate_cards.models",
    "payouts.commission.what_if_models",
    "payouts.commission.models",
    "payouts.commission.event_models",
    "payouts.settlements.models",
    "payouts.settlements.dispute_models",
    "payouts.settlements.repointing_models",
    "payouts.settlements.signing_models",
    "payouts.approvals.models",
    "payouts.tax.models",
    "payouts.ledger.models",
    "payouts.reports.models",
    "payouts.rails.models",
    "payouts.rails.provider_models",
    "payouts.rails.fate_models",
)


def whole_metadata() -> MetaData:
    """The metadata with every model loaded."""
    for module in MODULES:
        importlib.import_module(module)
    return Base.metadata
