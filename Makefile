# Everything a person or CI runs. Each target ends with the exit code of what failed.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
DEMO_HOME ?= home
.DEFAULT_GOAL := help

.PHONY: help setup demo test test-unit test-pipeline test-dbt test-acceptance test-docs check format benchmark clean

help:
	@echo "make setup | demo | test | test-unit | test-pipeline | test-dbt | test-acceptance | test-docs | check | format"

.uv/bin/uv:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed; set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.5"

.venv/installed: .uv/bin/uv pyproject.toml uv.lock
	.uv/bin/uv sync --frozen --quiet
	@touch $@

setup: .venv/installed

demo: setup
	$(BIN)/python -m serving.demo $(DEMO_HOME)

test: setup
	$(BIN)/pytest tests -n auto --dist loadfile

test-unit test-pipeline test-dbt test-acceptance test-docs: test-%: setup
	$(BIN)/pytest tests/$*

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint dbt_project/models
	$(BIN)/lint-imports
	$(BIN)/radlake contracts write --check
	$(BIN)/dbt parse --quiet --no-partial-parse

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

benchmark: setup
	$(BIN)/python -m benchmarks.flow

clean:
	rm -rf .venv .uv target logs
