#!/bin/sh
# Fails when .sqlx/ is not what the queries and migrations of this tree say, by what this command compiles of it.
#
#   migrations/checked.sh cargo check --workspace
set -eu
cd "$(dirname "$0")/.."
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
cp -r .sqlx "$before/sqlx"
cargo run --quiet -p hansa-tenancy --bin with-postgres -- migrations/prepare.sh prepare "$@" >"$before/log" 2>&1 || {
    cat "$before/log"
    exit 1
}
if ! diff -rq "$before/sqlx" .sqlx; then
    echo "queries have changed: run 'make sqlx' and commit .sqlx/" >&2
    exit 1
fi
