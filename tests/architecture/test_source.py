"""What the house promises about its source: arrows, sizes, names, and who may ask the time."""

from __future__ import annotations

import ast
import fnmatch
import re
import sys

import pytest

from portal.worker import JOB_MODULES
from tests.architecture.source import ROOT, imports_of, modules, our_imports, tracked_files, tree_of

LONGEST_MODULE = 450
LONGEST_FUNCTION = 70

# Rules that can be tested with literals. They import the standard library, exact money, periods, refusals and each other.
PURE = (
    "allocations.keys",
    "allocations.vocabulary",
    "allocations.agencies.lifecycle",
    "allocations.agencies.paper_rules",
    "allocations.agencies.setting_checks",
    "allocations.agencies.setting_shapes",
    "allocations.casework.campaigns.drawing",
    "allocations.casework.campaigns.lift",
    "allocations.casework.legal.catalogue",
    "allocations.casework.legal.days",
    "allocations.casework.legal.gates",
    "allocations.casework.legal.judging",
    "allocations.casework.legal.kinds.*",
    "allocations.casework.legal.lifecycle",
    "allocations.casework.legal.setting_shapes",
    "allocations.casework.note_rules",
    "allocations.casework.offer_rules",
    "allocations.casework.schedules",
    "allocations.casework.letters.starting",
    "allocations.casework.letters.words",
    "allocations.collections.evidence.rules",
    "allocations.collections.field.contact_rules",
    "allocations.collections.field.dispositions",
    "allocations.collections.field.places",
    "allocations.collections.field.promises",
    "allocations.collections.receipts.books",
    "allocations.collections.receipts.cash",
    "allocations.collections.uploads.correction_facts",
    "allocations.collections.receipts.entries",
    "allocations.collections.uploads.lifecycle",
    "allocations.collections.receipts.standing_out",
    "allocations.placements.asset_class",
    "allocations.placements.borrower_notice_rules",
    "allocations.placements.buckets",
    "allocations.placements.curves",
    "allocations.placements.gates",
    "allocations.placements.hold_rules",
    "allocations.placements.judging",
    "allocations.placements.outcome_sums",
    "allocations.placements.outcomes",
    "allocations.placements.request_rules",
    "allocations.casework.conduct.audit_rules",
    "allocations.casework.conduct.flag_rules",
    "allocations.casework.conduct.fraud_rules",
    "allocations.casework.conduct.lifecycle",
    "allocations.casework.conduct.setting_shapes",
    "allocations.placements.strategies.dealing",
    "allocations.placements.strategies.deciding",
    "allocations.placements.strategies.draw",
    "allocations.placements.strategies.facts",
    "allocations.placements.strategies.lint",
    "allocations.placements.strategies.reasons",
    "allocations.placements.strategies.source",
    "allocations.placements.strategies.summing",
    "allocations.placements.strategies.terms",
    "allocations.placements.strategies.wording",
    "allocations.scorecards.catalogue",
    "allocations.scorecards.explaining",
    "allocations.scorecards.mix",
    "allocations.scorecards.records",
    "allocations.scorecards.scheme",
    "allocations.scorecards.scoring",
    "allocations.reconciliation.bench.ladder_edits",
    "allocations.reconciliation.bench.ladder_words",
    "allocations.reconciliation.matching.*",
    "allocations.reconciliation.sources.proof",
    "allocations.reconciliation.sources.readers.*",
    "payouts.*.lifecycle",
    "payouts.commission.bulk",
    "payouts.commission.columns.*",
    "payouts.commission.corrections",
    "payouts.commission.engine",
    "payouts.commission.event_rules",
    "payouts.commission.extras",
    "payouts.commission.fact_lines",
    "payouts.commission.hashing",
    "payouts.commission.inputs",
    "payouts.commission.judging",
    "payouts.commission.kind_words",
    "payouts.commission.known_on_words",
    "payouts.commission.line_words",
    "payouts.commission.measuring",
    "payouts.commission.next_slab",
    "payouts.commission.opening_facts",
    "payouts.commission.outcome",
    "payouts.commission.pools",
    "payouts.commission.promises",
    "payouts.commission.reasons",
    "payouts.commission.run_hashes",
    "payouts.commission.visit_gate",
    "payouts.commission.what_if_cliffs",
    "payouts.commission.what_if_pricing",
    "payouts.ledger.accounts",
    "payouts.ledger.beancount_text",
    "payouts.ledger.journal",
    "payouts.rails.bank_answer",
    "payouts.rails.bank_file",
    "payouts.reports.shape",
    "payouts.rails.freezing",
    "payouts.rails.layouts",
    "payouts.rails.manual",
    "payouts.rails.named_answer",
    "payouts.rails.pain001",
    "payouts.rails.pain002",
    "payouts.rails.profiles",
    "payouts.rails.protocol",
    "payouts.rate_cards.*",
    "payouts.settlements.arithmetic",
    "payouts.settlements.composition",
    "payouts.settlements.dispute_rules",
    "payouts.settlements.invoice_rules",
    "payouts.settlements.kind_words",
    "payouts.settlements.papers",
    "payouts.settlements.statement",
    "payouts.settlements.tax_paper_text",
    "payouts.tax.*",
)
NOT_RULES = {"__init__", "models", "service", "queries", "jobs"}  # within a folder whose other modules are rules
KERNEL_FOR_RULES = {"portal.kernel.money", "portal.kernel.periods", "portal.kernel.errors"}
COLUMN_ENGINES = {"pandas", "numpy", "pyarrow"}
# Readers of foreign formats stand on libraries that know them.
READERS_LIBRARIES = {"lxml", "stdnum", "mt940", "ofxtools", "re2", "portal.kernel.tables"}

QUERY_WORDS = {"select", "insert", "update", "delete", "text", "func", "exists", "case", "join", "union_all"}


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def pure_modules() -> list[str]:
    """Modules, not packages, that must be pure."""
    return [name for name, path in modules().items() if matches(name, PURE) and path.stem not in NOT_RULES]


@pytest.mark.parametrize("name", pure_modules())
def test_rules_are_pure(name):
    allowed = sys.stdlib_module_names | COLUMN_ENGINES | KERNEL_FOR_RULES
    if ".readers." in name or ".pain00" in name:
        allowed = allowed | READERS_LIBRARIES
    strangers = {
        imported
        for imported in imports_of(name)
        if not matches(imported, PURE) and not any(imported == one or imported.startswith(f"{one}.") for one in allowed)
    }
    assert not strangers, f"{name} is a rule and may not know {sorted(strangers)}"


def test_no_two_files_import_each_other_in_a_circle():
    graph = {name: our_imports(name) - {name} for name in modules()}
    while leaves := [name for name, needs in graph.items() if not needs & graph.keys()]:
        for name in leaves:
            del graph[name]
    circles = {name: sorted(needs & graph.keys()) for name, needs in graph.items()}
    assert not circles


def test_packages_hold_a_docstring_and_nothing_else():
    wrong = [
        str(path.relative_to(ROOT))
        for name, path in modules().items()
        if path.name == "__init__.py"
        and not (
            len(body := tree_of(name).body) == 1 and isinstance(body[0], ast.Expr) and ast.get_docstring(tree_of(name))
        )
    ]
    assert not wrong


def test_only_the_clock_asks_the_time():
    asks = {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
        ("time", "time"),
        ("func", "now"),
    }
    wrong = [
        f"{name}:{node.lineno}"
        for name in modules()
        if name != "portal.kernel.clock"
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in asks
    ]
    assert not wrong


def test_doors_ask_no_queries():
    wrong = []
    for name in modules():
        if name.startswith(("portal.web", "portal.cli")):
            for node in ast.walk(tree_of(name)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
                    words = {alias.name for alias in node.names} & QUERY_WORDS
                    wrong += [f"{name}:{node.lineno} {sorted(words)}"] if words else []
    assert not wrong, "put the read into the feature's queries.py"


def test_only_the_composition_root_and_the_commands_know_the_whole():
    knows = [name for name in modules() if "portal.app" in our_imports(name)]
    allowed = ("portal.cli.*", "portal.server", "portal.worker")
    assert [name for name in knows if not matches(name, allowed)] == []


def test_the_worker_knows_every_module_that_declares_jobs():
    declaring = [
        name
        for name in modules()
        if "portal.kernel.jobs" in imports_of(name) and "@job(" in modules()[name].read_text()
    ]
    assert sorted(set(declaring) - {"portal.kernel.jobs"}) == sorted(JOB_MODULES)


def test_modules_and_functions_fit_in_a_head():
    wrong = []
    for name, path in modules().items():
        lines = path.read_text().count("\n")
        if lines > LONGEST_MODULE:
            wrong.append(f"{name}: {lines} lines")
        for node in ast.walk(tree_of(name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    wrong.append(f"{name}:{node.lineno} {node.name}: {length} lines")
    assert not wrong


def test_no_module_is_a_drawer_for_odds_and_ends():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not [name for name in modules() if name.rsplit(".", 1)[-1] in drawers]


def test_the_top_of_the_tree_is_as_agreed():
    agreed = {
        "portal", "payouts", "allocations", "templates", "migrations", "tests", "docs", "deploy", ".ci",
        "pyproject.toml", "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "constraints.txt",
        ".pre-commit-config.yaml", ".gitignore", ".gitattributes", ".github",
    }  # fmt: skip
    assert {path.relative_to(ROOT).parts[0] for path in tracked_files()} - agreed == set()


def test_pinned_versions_name_no_place_to_get_them_from():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins and all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+", line) for line in pins)


def test_nothing_speaks_of_one_machine():
    """Folders of a builder's computer and addresses of package mirrors have no business in a clone."""
    words = [
        "/wo" + "rk/",
        "/far" + "m/",
        "/home/[a-z]+/",
        "/ro" + "ot/",
        "index" + "-url",
        "trusted" + "-host",
        "pypi" + r"\.(?!org)",
    ]
    pattern = re.compile("|".join(words))
    wrong = []
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        wrong += [
            f"{path.relative_to(ROOT)}:{n} {line.strip()[:80]}"
            for n, line in enumerate(text.splitlines(), 1)
            if pattern.search(line)
        ]
    assert not wrong
