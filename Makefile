# The one command surface. Every target does its own set-up; a second call reuses it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(BIN)/uv pip
# The genuine az, which needs an environment of its own; data/az-requests.json was recorded with this version.
COMPAT := .compat
AZURE_CLI := 2.91.0
# uv reads a virtual environment from here, whatever the caller's own settings are.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint stories unit compat ui lock clean

help:  ## Show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock requirements-installer.lock pyproject.toml
	@echo "setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-installer.lock
	@$(UV) sync --quiet --compile-bytecode --require-hashes requirements.lock
	@$(UV) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(READY)  ## Make the virtual environment from the lock

demo: $(READY)  ## Deploy a rehearsal fleet of 12 sites against the simulator
	@ARCFLEET_HOME=$(CURDIR)/.arcfleet $(BIN)/python -m arcfleet.app.demo

# Most stories wait for a simulated world rather than compute; a file's tests share what they set up.
test: lint  ## Lint, then every test
	@$(BIN)/python -m pytest -n 3 --dist loadfile

stories: $(READY)  ## The longest stories: workers, bridge, arcfleet up, fifty sites, each with processes of its own
	@$(BIN)/python -m pytest -m stories tests/app tests/flows

unit: $(READY)  ## The fast tests only: no server, no network
	@$(BIN)/python -m pytest tests/unit

$(COMPAT)/.ready: | $(READY)
	@echo "setting up $(COMPAT) ..."
	@$(PYTHON) -m venv $(COMPAT)
	@$(UV) install --quiet --prerelease allow --python $(COMPAT)/bin/python azure-cli==$(AZURE_CLI)
	@touch $@

compat: $(READY) $(COMPAT)/.ready  ## The genuine az CLI against the simulator; prints what it said
	@$(BIN)/python -m pytest -m compat --capture=no tests/compat

lint: $(READY)  ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

ui: $(READY)  ## Prefect's UI, a worker and the deployments of a fleet, against a simulator; FLEET=FILE
	@ARCFLEET_HOME=$(CURDIR)/.arcfleet $(BIN)/arcfleet up $(or $(FLEET),deployments/fleets/gated.yaml) --rehearse

lock: $(READY)  ## Resolve requirements.lock anew
	@$(UV) compile --quiet --upgrade --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
		--no-header --extra scale --group dev pyproject.toml -o requirements.lock

clean:  ## Remove what the targets above made
	@rm -rf $(VENV) $(COMPAT) .arcfleet .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
