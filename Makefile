# One command each: make try | build | test | test-sanitized | debug | lint | bench | conformance | docs | clean.  The virtual environment is made on the way.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# What is compiled, and the tables of which sources are generated.
SOURCES := $(shell find src -name '*.pyx' -o -name '*.pxd') src/snowsnake/bytecode/instructions.py src/snowsnake/diagnostics/messages.py \
	src/snowsnake/diagnostics/notes.py $(wildcard src/snowsnake/builtins/table_*.py) src/snowsnake/settings/table.py
JOBS   ?= $(shell nproc 2>/dev/null || echo 2)

# Tests of a variant (tools/build.py) import the package from build/VARIANT.  What the sanitizers report ends the process that it is in.
DEBUG     := PYTHONPATH=$(CURDIR)/build/debug SNOWSNAKE_STRESS=1
REPORTS   := build/sanitized/reports
SANITIZED  = PYTHONPATH=$(CURDIR)/build/sanitized PYTHONMALLOC=malloc \
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:log_path=$(CURDIR)/$(REPORTS)/asan UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
FUZZED   ?= 5000
FUZZED_ANSWERS ?= 500
TESTS    ?= --ignore=tests/fetching

.PHONY: try build test test-stress test-sanitized debug lint bench conformance docs screenshots accept clean

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
# Commands that pip before 25 installs import `re`, which makes a small evaluation a third longer; without a newer one, all works.
$(VENV)/.installed: $(BIN)/python pyproject.toml setup.py
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25'
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

# A build that checks every word that the collector follows, with a collection at most safepoints: the language and differential tests,
# and those of what the machine keeps.
debug: build
	$(BIN)/python tools/build.py debug
	$(DEBUG) $(BIN)/python -m pytest -n $(JOBS) tests/lang tests/differential tests/unit/test_roots.py tests/unit/test_layers.py \
		tests/unit/test_list_views.py tests/unit/test_api.py tests/unit/test_builtins_examples.py

# The same checks, AddressSanitizer and UndefinedBehaviorSanitizer: the suite (TESTS=… for a part), twice FUZZED programs, and what stores are sent.  Without
# tests/fetching, whose other programs (git, servers) do not run under the sanitizers.
test-sanitized: build
	$(BIN)/python tools/build.py sanitized
	rm -rf $(REPORTS) && mkdir -p $(REPORTS)
	$(SANITIZED) $(BIN)/python -m pytest -n $(JOBS) $(TESTS)
	$(SANITIZED) $(BIN)/python tests/fuzz/fuzz.py --kind programs --seed 20000000 --count $(FUZZED) --stress-every 5 --out build/sanitized/finds
	$(SANITIZED) $(BIN)/python tests/fuzz/fuzz.py --kind bytes --seed 20000000 --count $(FUZZED) --stress-every 5 --out build/sanitized/finds
	$(SANITIZED) $(BIN)/python tests/fuzz/store_formats.py --seed 20000000 --count $(FUZZED)
	$(SANITIZED) $(BIN)/python tests/fuzz/store_answers.py --seed 20000000 --count $(FUZZED_ANSWERS)
	! grep -rl "ERROR: \|runtime error" $(REPORTS)

# Rewrites the golden files of tests/lang; read the diff as you would read code.
accept: build
	$(BIN)/python -m pytest tests/lang --accept

lint: build
	$(BIN)/ruff check --no-cache src tests tools benchmarks setup.py
	$(BIN)/mypy
	$(BIN)/mypy --strict --follow-imports=silent $(wildcard examples/*.py)
	$(BIN)/python tools/check_examples.py
	$(BIN)/python -m pytest --collect-only --quiet --quiet >/dev/null
	$(BIN)/python tools/check_imports.py
	$(BIN)/python tools/check_allocations.py
	$(BIN)/python tools/check_messages.py
	$(BIN)/python tools/generate.py --check

# BENCH="--compare HEAD~1 .", REFERENCES=, WORKLOADS=, …: see benchmarks/README.md.
bench: build
	$(BIN)/python benchmarks/run.py $(BENCH)

# Nix's own language tests, fetched from Debian's source packages.
conformance: build
	tools/conformance/run.sh $(BIN)/snowsnake-instantiate

# The generated sources and pages, and the site, in build/site.
docs: $(VENV)/.docs
	$(BIN)/python tools/generate.py
	$(BIN)/python tools/site/build.py

$(VENV)/.docs: $(VENV)/.built pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[docs]'
	touch $@

# The pictures of docs/images that a browser takes (needs chromium).
screenshots: $(VENV)/.docs
	$(BIN)/python tools/site/screenshots.py

clean:
	rm -rf build $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src \( -name '*.so' -o -name '*.c' -o -name '*.tmp' \) -delete
