# `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help test lint fmt sqlx postgres

help: ## What there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

postgres: ## PostgreSQL binaries, installed when they are missing and we may
	@migrations/postgres.sh

test: postgres ## Every test, on a private PostgreSQL
	@tests/run.sh

lint: postgres ## Format, clippy, protos, checked queries
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	@migrations/newer-sqlx.sh

fmt: ## Format everything
	cargo fmt --all

sqlx: postgres ## Renew .sqlx/ after a query or a migration has changed
	cargo run --quiet -p hansa-tests --bin with-postgres -- migrations/prepare.sh prepare check
