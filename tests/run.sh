#!/bin/sh
# Runs every test of the workspace on a private PostgreSQL; the last lines are the runner's own summary.
set -eu
cd "$(dirname "$0")/.."
tests/clients/install.sh
cargo build --workspace --all-targets --quiet
if cargo nextest --version >/dev/null 2>&1; then
    exec target/debug/with-postgres cargo nextest run --workspace --no-fail-fast "$@"
fi
exec target/debug/with-postgres cargo test --workspace --no-fail-fast --quiet "$@"
