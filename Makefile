# Two commands for a newcomer: `make demo` and `make test`. Both get what is missing.
# They need Python >= 3.11, git, and root on Debian (the lab boots real Docker engines in network namespaces).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LAB    := $(BIN)/python -m tests.lab.machines
PYTEST := $(BIN)/python -m pytest -q
# Folders are named so that no worker collects what it does not run.
FAST   := $(PYTEST) -n 2 -m 'not lab and not contract' tests --ignore tests/lab --ignore tests/contract
REAL   := $(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder -m 'lab or contract' --durations=10 tests/lab tests/contract \
            --ignore tests/lab/test_prod.py
# All of the real software at once takes both cores: what else ran then would miss its deadlines.
PROD   := $(PYTEST) -m lab --durations=5 tests/lab/test_prod.py

# Where it is set (images of Python for containers do), every worker and every opsctl that a test starts compiles all anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test fast lint format docs lab-up lab-down lab-status lab-test bench clean

help:
	@echo 'make demo      boot the lab, deploy a stack to two hosts, change one variable, see what follows'
	@echo 'make test      lint, type-check and run every test, on real hosts too'
	@echo 'make fast      the tests that need no lab, properties with a third of the examples'
	@echo 'make docs      make the pages that are made from the code'
	@echo 'make bench     measure against tar and ssh and docker compose'
	@echo 'make lab-up    boot the lab (make lab-down ends it)'

# Debian's python3 comes without ensurepip; python3-venv brings it.
$(VENV)/.ready: pyproject.toml
	@echo 'getting what opsctl needs into $(VENV) …' >&2
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { \
	  apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv --clear $(VENV); }
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.ready lab-up
	@$(BIN)/python -m tests.lab.demo

test: $(VENV)/.ready lint lab-up
	$(FAST)
	$(REAL)
	$(PROD)

fast: $(VENV)/.ready
	OPSCTL_TESTS=quick $(FAST)

lab-test: $(VENV)/.ready lab-up
	$(REAL)
	$(PROD)

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lab-up: $(VENV)/.ready
	@$(LAB) up

lab-down: $(VENV)/.ready
	@$(LAB) down

lab-status: $(VENV)/.ready
	@$(LAB) status

docs: $(VENV)/.ready
	@$(BIN)/python -m tests.unit.pages

bench: $(VENV)/.ready lab-up
	@$(BIN)/python -m tests.lab.bench

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
