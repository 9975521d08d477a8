# make demo   a bank with three agencies, in your browser        make test   every test
# make check  format, types, arrows, architecture                make bench  measurements     make fmt   format     make clean
# Paths are relative throughout, so that a folder with spaces in its name is no trouble.

SHELL := /bin/bash
PYTHON ?= python3
RUN := .venv/bin/python -m
# One more than there are processors: each waits for the database and for a browser a good part of its time.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))
TESTS ?= tests
ARGS ?=

# An environment belongs to the folder it was made in; in a copied or moved one it is made anew.
ifneq ($(shell cat .venv/.home 2>/dev/null),$(shell pwd -P))
.PHONY: .venv/.stamp
endif

.PHONY: demo test check check-types check-rest bench fmt clean
.DEFAULT_GOAL := demo

.venv/.stamp: pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" .ci/environment
	@touch $@

demo: .venv/.stamp
	@$(RUN) portal demo $(ARGS)

test: .venv/.stamp
	@.ci/chromium || true
	@$(RUN) pytest -q -n $(WORKERS) --maxprocesses=8 --dist worksteal -m "not benchmark" $(ARGS) $(TESTS)

check: check-types check-rest

check-types: .venv/.stamp
	@$(RUN) mypy

check-rest: .venv/.stamp
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@.venv/bin/python -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	@$(RUN) pytest -q tests/architecture

bench: .venv/.stamp
	@$(RUN) pytest -q -n 0 -s -m benchmark --timeout=3600 $(ARGS) tests/benchmarks

fmt: .venv/.stamp
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

clean:
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
