"""Every module of views. Each has a Blueprint called `bp`; a page exists once its module stands in this list."""

from __future__ import annotations

from importlib import import_module

from flask import Blueprint, Flask

MODULES = [
    "portal.web.health",
    "portal.web.auth",
    "portal.web.account",
    "portal.web.search",
    "portal.web.files_view",
    "portal.web.agency.accounts",
    "portal.web.agency.contacts",
    "portal.web.agency.promises",
    "portal.web.agency.team",
    "portal.web.agency.bank_details",
    "portal.web.agency.breaks",
    "portal.web.agency.direct",
    "portal.web.agency.events",
    "portal.web.agency.payouts",
    "portal.web.agency.commission",
    "portal.web.agency.statements",
    "portal.web.agency.answers",
    "portal.web.agency.disputes",
    "portal.web.agency.home",
    "portal.web.agency.field",
    "portal.web.public.check",
    "portal.web.bank.home",
    "portal.web.agency.uploads",
    "portal.web.agency.corrections",
    "portal.web.agency.collections",
    "portal.web.agency.books",
    "portal.web.agency.deposits",
    "portal.web.agency.evidence",
    "portal.web.bank.agencies",
    "portal.web.bank.bank_details",
    "portal.web.bank.portfolio",
    "portal.web.bank.contacts",
    "portal.web.bank.placements",
    "portal.web.bank.imports",
    "portal.web.bank.statements",
    "portal.web.bank.statement_profiles",
    "portal.web.bank.postings",
    "portal.web.bank.reconciliation",
    "portal.web.bank.reconciliation_bench",
    "portal.web.bank.reconciliation_bulk",
    "portal.web.bank.reconciliation_links",
    "portal.web.bank.saved_filters",
    "portal.web.bank.breaks",
    "portal.web.bank.direct",
    "portal.web.bank.suspense",
    "portal.web.bank.acts",
    "portal.web.bank.payers",
    "portal.web.bank.ladders",
    "portal.web.bank.books",
    "portal.web.bank.cash",
    "portal.web.bank.evidence",
    "portal.web.bank.uploads",
    "portal.web.bank.corrections",
    "portal.web.bank.rate_cards",
    "portal.web.bank.rate_cards_edit",
    "portal.web.bank.what_if",
    "portal.web.agency.forecast",
    "portal.web.bank.commission",
    "portal.web.bank.outcomes",
    "portal.web.bank.events",
    "portal.web.bank.adjustments",
    "portal.web.bank.measures",
    "portal.web.bank.compromises",
    "portal.web.bank.settlements",
    "portal.web.bank.disputes",
    "portal.web.bank.invoices",
    "portal.web.finance.home",
    "portal.web.finance.settlements",
    "portal.web.finance.payouts",
    "portal.web.finance.ledger",
    "portal.web.finance.tax",
    "portal.web.finance.certificates",
    "portal.web.audit.home",
    "portal.web.audit.log",
    "portal.web.audit.verify",
    "portal.web.audit.trace",
    "portal.web.admin.users",
    "portal.web.admin.sessions",
    "portal.web.admin.settings",
    "portal.web.admin.jobs",
]
# Pages for those who build the portal; registered in development only.
DEVELOPMENT_MODULES: list[str] = ["portal.web.components_page"]


def register_blueprints(app: Flask, *, development: bool) -> None:
    for name in MODULES + (DEVELOPMENT_MODULES if development else []):
        blueprint = import_module(name).bp
        assert isinstance(blueprint, Blueprint)
        app.register_blueprint(blueprint)
