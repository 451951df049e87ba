# `make` lists what there is. Everything happens in .venv, which is made on first use and renewed when the requirements change.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
# More than there are cores: a crawl waits for its pace, a store for its retries
JOBS ?= 3
PYTEST := $(BIN)/python -m pytest
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --use-pep517 --constraint constraints.txt
say = @printf '\n== %s\n'

.PHONY: help venv venv-dev demo test services test-fast lint bench egg clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' Makefile

venv: $(VENV)/.ready ## Make .venv with what a crawl needs

venv-dev: $(VENV)/.ready-dev ## Make .venv with what tests and checks need, too

demo: $(VENV)/.ready ## Crawl a keyword on each of the three sites, faked on this machine, and show what was stored
	$(say) "demo: the sandbox, three crawls, their reports, three queries (stored in data/demo)"
	@$(BIN)/scrapy demo

test: services $(VENV)/.ready-dev ## Run all tests (installs the servers and programs they start, where missing and it may)
	$(say) "test: everything, the slow tests included"
	@$(PYTEST) -n $(JOBS) --dist loadfile --no-loadscope-reorder $(TESTS)

services: ## Install what the slow tests start and Python cannot bring: MariaDB, Node.js, Chromium, proxies (Debian, as root)
	@PYTHON="$(PYTHON)" tests/install_services.sh

test-fast: $(VENV)/.ready-dev ## Run the tests that start no server, in less than a minute
	$(say) "test-fast: all but the slow tests"
	@$(PYTEST) -n $(JOBS) -m "not slow" $(TESTS)

lint: $(VENV)/.ready-dev ## Check style, types and who imports whom
	$(say) "lint: ruff check, ruff format, mypy, import-linter"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/.ready-dev ## Run the benchmarks below bench/ (minutes)
	$(say) "bench: each script prints both sides of its comparison"
	@for script in bench/[a-z]*.py; do echo "-- $$script"; $(BIN)/python "$$script"; done

egg: $(VENV)/.ready-dev ## Build dist/jobdata.egg, what a Scrapyd node runs
	$(say) "egg: dist/jobdata.egg"
	@mkdir -p dist
	@$(BIN)/scrapyd-deploy --build-egg dist/jobdata.egg
	@rm -rf build *.egg-info

clean: ## Remove .venv, build products and caches; data/ stays
	$(say) "clean: .venv, build products, caches (data/ stays)"
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "needs Python 3.11 or later: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo "needs Python's venv module (Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(say) "venv: $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt constraints.txt | $(VENV)/bin/python
	$(say) "venv: installing requirements.txt into $(VENV): once, about a minute and 1 GB on disk (the embedded ClickHouse engine is large)"
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.ready-dev: requirements-dev.txt requirements-scrapyd.txt $(VENV)/.ready
	$(say) "venv: installing requirements-dev.txt into $(VENV)"
	@$(PIP) -r requirements-dev.txt
	@touch $@

