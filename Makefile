# Every target does all of its own set-up. `make` alone says what there is.
# Written for GNU make 3.81 (macOS) and /bin/sh. Paths are relative, so a folder with spaces in its name is no trouble.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run demo-reset test check fix prove chaos bench clean setup-run setup-dev browser
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP

PYTHON_BIN = .venv/bin/python
TEST ?= tests
# Twice as many workers as processors, eight at most: each has a database, one a browser, and they wait for these half of the time.
WORKERS = -n $$(($$(getconf _NPROCESSORS_ONLN) * 2)) --maxprocesses 8 --dist loadgroup
# Extra words for pytest, such as ARGS="-k hold -x" or ARGS="--db sqlite".
ARGS ?=

help:
	@echo "make run          the demonstration at http://localhost:8000 (PORT=8001 for another port)"
	@echo "make demo-reset   remove the demonstration's data and load it afresh"
	@echo "make test         every test, on SQLite and PostgreSQL (TEST=tests/unit narrows, ARGS=... goes to pytest)"
	@echo "make check        style, types, import rules, migrations, diagram, templates; changes nothing"
	@echo "make fix          mend what check finds and a program can mend"
	@echo "make prove        every test again, with races, kills and random walks at full size (long)"
	@echo "make chaos        5,000 texts with the sender killed 100 times, then 10 minutes of requests; figures (40 min; ARGS=--help)"
	@echo "make bench        measure the service against the raw limit of its database"
	@echo "make clean        remove .venv and caches; the demonstration's data stays"

setup-run:
	@sh scripts/setup.sh run

setup-dev:
	@sh scripts/setup.sh dev

browser: setup-dev
	@$(PYTHON_BIN) tests/browser_path.py

run: setup-run
	@PORT="$(PORT)" exec $(PYTHON_BIN) scripts/run.py

demo-reset: setup-run
	@PORT="$(PORT)" exec $(PYTHON_BIN) scripts/run.py --reset

test: setup-dev browser
	@$(PYTHON_BIN) -m pytest $(WORKERS) $(ARGS) $(TEST)

check: setup-dev
	@$(PYTHON_BIN) -m scripts.check

fix: setup-dev
	@$(PYTHON_BIN) -m scripts.check --fix

prove: setup-dev browser
	@$(PYTHON_BIN) -m pytest --full --timeout 3600 $(WORKERS) $(ARGS) $(TEST)

chaos: setup-dev
	@$(PYTHON_BIN) -m bench.chaos $(ARGS)

bench: setup-dev
	@$(PYTHON_BIN) -m bench

clean:
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache test-output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "clean: .venv and caches are gone; var/ (the demonstration's data) stays"
