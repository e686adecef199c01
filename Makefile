# `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help demo bench bench-console test evidence lint style fmt sqlx postgres dev console screens

CONSOLE := services/console/web

help: ## What there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

postgres: ## PostgreSQL binaries, installed when they are missing and we may
	@migrations/postgres.sh

console: $(CONSOLE)/dist/index.html ## The page of the console, which the program carries; needs Node 20

$(CONSOLE)/dist/index.html: $(CONSOLE)/package-lock.json $(wildcard $(CONSOLE)/*.ts $(CONSOLE)/*.html $(CONSOLE)/public/* proto/hansa/*/v1/*.proto) \
		$(shell find $(CONSOLE)/src -path $(CONSOLE)/src/gen -prune -o -type f -print)
	cd $(CONSOLE) && npm ci --no-audit --no-fund --ignore-scripts --silent && npm run --silent build

demo: postgres console ## The main job on two nodes with private databases, checked; keeps them up on a terminal
	cargo run --release --quiet -p hansa -- demo $(CASE)

bench: postgres console ## Speed beside its limit, on private durable databases; CELL=uniform-64 for one cell
	cargo run --release --quiet -p hansa -- bench reserve $(if $(CELL),--cell $(CELL))

bench-console: postgres console ## How long people wait at the console: lists of 100,000 rows, first paint, taps, a scan; needs Chromium
	cd tests/browser && npm ci --no-audit --no-fund --ignore-scripts --silent
	cargo build --quiet -p hansa-tests -p hansa-tenancy --bins
	target/debug/with-postgres target/debug/console-numbers

test: postgres console ## Every test, on a private PostgreSQL
	@tests/run.sh

evidence: postgres console ## Every suite one by one, and what each has shown, in evidence/reliability.json
	tests/clients/install.sh
	cargo build --workspace --all-targets --quiet
	target/debug/with-postgres target/debug/evidence

lint: style ## Format, clippy, protos, the console's types and style, checked queries, a look for a newer sqlx
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	@migrations/checked.sh cargo check --quiet --workspace
	@migrations/newer-sqlx.sh

style: postgres console ## What of lint needs no build
	cargo fmt --all --check
	cd proto && npm ci --no-audit --no-fund --ignore-scripts --silent && npx --no-install buf lint
	cd $(CONSOLE) && npm run --silent check

dev: postgres console ## A node with a private database and one enterprise, until Ctrl-C
	cargo run --release --quiet -p hansa -- dev

screens: ## The pictures in docs/screens, out of what the browser tests have just looked at
	cp $(addprefix target/screens/,link-check-code.png scan-waiting.png order-answered.png pools-matched.png) docs/screens/

fmt: ## Format everything
	cargo fmt --all

sqlx: postgres ## Renews .sqlx/ after a query or a migration has changed
	@# Built before the change, if it is one of hansa-tenancy's: a query that .sqlx/ does not know can't be built.
	@[ -x target/debug/with-postgres ] || cargo build --quiet -p hansa-tenancy --bin with-postgres
	target/debug/with-postgres migrations/prepare.sh prepare cargo check --workspace
