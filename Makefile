# The two commands: `make demo` heals broken sample repositories, `make test` runs every test. Both work on a bare
# Debian machine (root, Rust) as well as on one with Docker: docker/ brings up what is missing.

SHELL := /bin/bash
MUSL := x86_64-unknown-linux-musl

.PHONY: help demo reproduce fresh-logs drift test unit check policy bench soak hints behaviours honest sdk-check localisation fuzz look engine action-binary

help: ## lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: engine ## heals broken sample repositories of five languages, offline and without keys
	cargo run --locked -- demo

test: engine action-binary ## all tests: unit, and stories against real containers, compilers, git and HTTP
	cargo test --locked

unit: ## the tests that need no Docker
	cargo test --locked --lib

check: ## formatting, lints and docs, warnings denied
	cargo fmt --all -- --check
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

# Advisories change without us and need their database: the project's own workflow asks for them.
policy: ## what may enter the dependency tree: licences, bans, sources
	@cargo deny --version >/dev/null 2>&1 || { echo "installing cargo-deny (some minutes)" >&2; cargo install --locked --debug cargo-deny@0.20.2; }
	cargo deny --locked check licenses bans sources

# PROFILE=dev measures without optimising first; ONLY=logs measures a part.
bench: engine ## prints what the healer itself costs: time, memory, sizes, with the aims beside
	cargo bench --locked --profile $(or $(PROFILE),bench) -- $(ONLY)

soak: engine ## many heals in sequence and side by side; fails on a wrong verdict or anything left behind
	cargo test --locked --test soak

hints: ## applies what rustc and clippy suggest in their logs, and compiles again; nine in ten must
	cargo test --locked --test hints

behaviours: ## what models answer, right, cheating, prompt-injected and malformed: how many cheats pass and right fixes do not
	cargo test --locked --test it -- fixes:: --nocapture

honest: ## which fixes that people committed would the rules refuse? (HISTORIES="clones…")
	cargo test --locked --test honest -- $(HISTORIES)

sdk-check: ## holds request bodies and scripted replies against the providers' official Python SDKs
	@tests/sdk/sdk.sh

localisation: engine ## is the fault in what a model is shown? tables over own repositories and downloaded packages
	cargo test --locked --test localisation -- $(LOCALISATION)

reproduce: engine ## is the verdict of CI reproduced? released packages, green as they are and red with one fault
	cargo build --locked
	@tests/reproduce/reproduce.py target/debug/ci-healer $(REPRODUCE)

fuzz: ## every fuzz target for FUZZ_SECONDS (600); fails on a finding
	@tests/fuzz/fuzz.sh

engine:
	@docker/engine.sh
	@docker/base-images.sh

# The action image is one static binary on nothing; tests assemble it from this one.
action-binary:
	@command -v musl-gcc >/dev/null || { echo "installing musl-tools" >&2; apt-get update -q >&2 && apt-get install -q -y --no-install-recommends musl-tools >&2; }
	@rustup target list --installed 2>/dev/null | grep -qx $(MUSL) || rustup target add $(MUSL)
	cargo build --locked --target $(MUSL)

look: ## renders the job summary and the pull request to pictures, to be looked at
	@tests/look/look.sh

fresh-logs: ## runs current tools on small broken projects and compares the diagnosis of what they print
	cargo build --locked
	HEALER_BIN=$(CURDIR)/target/debug/ci-healer python3 tests/fresh-logs/run.py -v $(if $(ONLY),--only $(ONLY))

drift: engine ## whom does `drift` name? repositories that real releases broke, and some that none did (ONLY=names)
	cargo build --locked
	HEALER_BIN=$(CURDIR)/target/debug/ci-healer python3 tests/drift/run.py $(if $(ONLY),--only $(ONLY))
