# make run   install into .venv, then open a real study in the terminal
# make test  install into .venv, then lint, check types and run the fast tests
# make everything  install all extras into the same .venv, and check that they fit together
PYTHON ?= python3
BIN := .venv/bin
STUDY ?= study

.PHONY: run test e2e lint everything bench clean

run: .venv/installed
	@test -d $(STUDY) || $(BIN)/autoresearch-tui init $(STUDY)
	@$(BIN)/autoresearch-tui $(STUDY)

# Tests wait for processes more than they compute: more of them than there are cores.
test: .venv/installed lint
	$(BIN)/python -m pytest -q -n 4

e2e: .venv/installed
	$(BIN)/python -m pytest -q -m e2e

lint: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

# The stamp makes a second call start at once.
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[trainer,dev]'
	@touch $@

everything: .venv/installed
	$(BIN)/python -m pip install --quiet -e '.[trainer,dev,skypilot]'
	$(BIN)/python -m pip check

bench: .venv/installed
	@for file in benchmarks/*.py; do $(BIN)/python $$file; done

clean:
	rm -rf .venv build dist
