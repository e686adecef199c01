#!/bin/sh
# Makes a database in which a build can check every query, and writes what it learns to .sqlx/.
#
#   migrations/prepare.sh NAME              only (re)creates the database NAME on the server at $PGHOST (superuser $PGUSER)
#   migrations/prepare.sh NAME COMMAND…     also runs the command, which compiles, and renews .sqlx/
#
# Without $PGHOST the server is the one that with-postgres has started.
set -eu
cd "$(dirname "$0")/.."
name=$1
shift
if [ -z "${PGHOST:-}" ]; then
    PGHOST=$(printf %s "$HANSA_TEST_DATABASE_URL" | sed 's/.*[?&]host=\([^&]*\).*/\1/')
    PGUSER=hansa
fi
export PGHOST PGUSER
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)

psql -X -q -d postgres -v ON_ERROR_STOP=1 -c "drop database if exists $name with (force)" -c "create database $name" 2>&1 | grep -v NOTICE || true
{
    for file in migrations/node/*.sql; do [ -e "$file" ] && cat "$file"; done
    echo "create schema template_t; set search_path = template_t;"
    for file in migrations/tenant/core/*.sql migrations/tenant/inventory/*.sql migrations/tenant/documents/*.sql migrations/tenant/workflow/*.sql migrations/tenant/procurement/*.sql migrations/tenant/egress/*.sql migrations/tenant/files/*.sql migrations/tenant/pages/*.sql migrations/tenant/members/*.sql migrations/tenant/loyalty/*.sql migrations/tenant/outreach/*.sql migrations/tenant/apps/*.sql migrations/tenant/conversations/*.sql; do [ -e "$file" ] && cat "$file"; done
} | psql -X -q -d "$name" -v ON_ERROR_STOP=1 --single-transaction

if [ $# -gt 0 ]; then
    rm -rf .sqlx && mkdir .sqlx
    # A query is looked at only when its crate is compiled.
    touch services/*/src/lib.rs
    DATABASE_URL="postgres:///$name?host=$PGHOST&user=$PGUSER&options[search_path]=template_t" \
        SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PWD/.sqlx" "$@"
fi
