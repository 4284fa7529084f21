# One command each: make try | build | test | lint | bench | conformance | docs | clean.  The virtual environment is made on the way.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SOURCES := $(shell find src -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi') src/snowsnake/bytecode/instructions.py
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: try build test test-stress lint bench conformance docs accept clean

# Evaluates an expression and a file.
try: build
	$(BIN)/snowsnake eval -E 'let fib = n: if n < 2 then n else fib (n - 1) + fib (n - 2); in map fib [ 1 5 10 20 ]' --strict
	$(BIN)/snowsnake eval examples/inventory.nix --json

build: $(VENV)/.built

$(BIN)/python:
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "missing: venv (apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) tools/build.py --check
	$(PYTHON) -m venv $(VENV)

# Built in the tree, so that tests and an editor see the same files; tools/build.py then rebuilds what was changed.
$(VENV)/.installed: $(BIN)/python pyproject.toml setup.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(VENV)/.built: $(VENV)/.installed $(SOURCES)
	$(BIN)/python tools/generate.py
	$(BIN)/python tools/build.py
	touch $@

test: build
	$(BIN)/python -m pytest -n $(JOBS)

# The same tests with a collection at most safepoints: slow, for changes of the machine.
test-stress: build
	SNOWSNAKE_STRESS=1 $(BIN)/python -m pytest -n $(JOBS)

# Rewrites the golden files of tests/lang; read the diff as you would read code.
accept: build
	$(BIN)/python -m pytest tests/lang --accept

lint: build
	$(BIN)/ruff check src tests tools benchmarks setup.py
	$(BIN)/mypy
	$(BIN)/python tools/check_imports.py
	$(BIN)/python tools/generate.py --check

# BENCH="--compare HEAD~1 .", REFERENCES=, WORKLOADS=, …: see benchmarks/README.md.
bench: build
	$(BIN)/python benchmarks/run.py $(BENCH)

# Nix's own language tests, fetched from Debian's source packages.
conformance: build
	tools/conformance/run.sh $(BIN)/snowsnake-instantiate

docs: build
	$(BIN)/python tools/generate.py

clean:
	rm -rf build $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src \( -name '*.so' -o -name '*.c' -o -name '*.tmp' \) -delete
