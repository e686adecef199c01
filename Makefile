# `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help demo bench test evidence lint fmt sqlx postgres dev

help: ## What there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

postgres: ## PostgreSQL binaries, installed when they are missing and we may
	@migrations/postgres.sh

demo: postgres ## The main job on two nodes with private databases, checked; keeps them up on a terminal
	cargo run --release --quiet -p hansa -- demo $(CASE)

bench: postgres ## Speed beside its limit, on private durable databases; CELL=uniform-64 for one cell
	cargo run --release --quiet -p hansa -- bench reserve $(if $(CELL),--cell $(CELL))

test: postgres ## Every test, on a private PostgreSQL
	@tests/run.sh

evidence: postgres ## Every suite one by one, and what each has shown, in evidence/reliability.json
	tests/clients/install.sh
	cargo build --workspace --all-targets --quiet
	target/debug/with-postgres target/debug/evidence

lint: postgres ## Format, clippy, protos, checked queries, a look for a newer sqlx
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	cd proto && npm ci --no-audit --no-fund --ignore-scripts --silent && npx --no-install buf lint
	@migrations/checked.sh
	@migrations/newer-sqlx.sh

dev: postgres ## A node with a private database and one enterprise, until Ctrl-C
	cargo run --release --quiet -p hansa -- dev

fmt: ## Format everything
	cargo fmt --all

sqlx: postgres ## Renews .sqlx/ after a query or a migration has changed
	@# Built before the change: a tree with a query that .sqlx/ does not know can't build anything that uses it.
	@[ -x target/debug/with-postgres ] || cargo build --quiet -p hansa-tests --bin with-postgres
	target/debug/with-postgres migrations/prepare.sh prepare check
