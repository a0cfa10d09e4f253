# The verbs of this project; `make help` lists them. Each calls the tool that does the work.

PYTHON ?= python3
FUZZ_SECONDS ?= 60
# Of so short an input no allocation may reach 64 MiB, nor all together, with what the sanitizer keeps, a gigabyte.
FUZZ_LIMITS := -max_len=16384 -malloc_limit_mb=64 -rss_limit_mb=1024 -timeout=60

BIN := .venv/bin
RUST := Cargo.toml Cargo.lock $(shell find rust -name target -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

export PATH := $(CURDIR)/$(BIN):$(PATH)
export VIRTUAL_ENV := $(CURDIR)/.venv

.DEFAULT_GOAL := help
.PHONY: help run build setup test check fuzz bench bench-engine bench-server bench-search bench-native \
    bench-search-native docs node

help: ## list these verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

run: build ## start the server on http://127.0.0.1:8800, its data in ./officina-data
	@officina serve --host 127.0.0.1 --port 8800 --data ./officina-data

build: .venv/.built ## make .venv and build the extension into it, optimized

setup: build node .venv/.test tests/interop/node_modules/.package-lock.json ## install what the tests need

test: setup ## run every test: Rust, Python, and the official Yjs packages in Node
	cargo test --workspace --quiet
	pytest

check: build .venv/.test .venv/.check .venv/.bench ## format, lints, types, stubs, licenses, advisories
	ruff format --check
	ruff check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	mypy
	stubtest officina._native
	pyright
	@if command -v cargo-deny > /dev/null; then cargo deny check; else \
	    echo "advisories: not checked; they need cargo-deny (cargo install cargo-deny) and its database on github.com"; fi

fuzz: setup ## fuzz every decoder (FUZZ_SECONDS each; needs nightly and cargo-fuzz) and the engine against Yjs
	for target in $$(cargo +nightly fuzz list --fuzz-dir rust/fuzz); do \
	    cargo +nightly fuzz run --fuzz-dir rust/fuzz $$target -- $(FUZZ_LIMITS) \
	        -max_total_time=$(FUZZ_SECONDS) || exit 1; done
	python tests/interop/fuzz.py --edits 200000

bench: bench-engine bench-server bench-search ## compare with other libraries and servers, record in benches/results

bench-engine: build .venv/.bench node benches/peers/node_modules/.package-lock.json ## the engine, through Python
	python -m benches.python.engine --record
	cargo run --release --package officina-benches --bin officina-crdt-growth

bench-server: build node benches/peers/node_modules/.package-lock.json ## the server, under load
	cargo build --release --package officina-benches
	python -m benches.python.server --record

bench-search: build .venv/.bench ## search engines, through Python (needs the programs of PostgreSQL)
	python -m benches.python.search --record

bench-native: .venv/.created ## the engine next to other Rust crates, in one binary (first build: several minutes)
	cargo build --release --locked --manifest-path benches/native/Cargo.toml --target-dir benches/native/target
	python -m benches.python.native --record

bench-search-native: .venv/.created ## search engines in Rust (first build: several minutes)
	cargo build --release --locked --manifest-path benches/native/search/Cargo.toml \
	    --target-dir benches/native/search/target
	python -m benches.python.search_native --record

docs: build .venv/.test ## build the Rust reference and run every code block of the documents
	cargo doc --workspace --no-deps
	pytest tests/test_docs_*.py

node:
	@command -v npm > /dev/null || { echo "Node.js 20 or newer is missing. The interop tests and the server bench" \
	    "run the official Yjs packages in it: install Node.js with npm, then repeat this command."; exit 1; }

.venv/.created:
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade 'pip>=25.1' 'maturin>=1.9,<2'
	touch $@

.venv/.built: .venv/.created pyproject.toml $(RUST)
	maturin develop --release --locked --extras server
	touch $@

.venv/.test .venv/.check .venv/.bench: .venv/.%: .venv/.created pyproject.toml
	$(PIP) install --group $*
	touch $@

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund
	touch $@
