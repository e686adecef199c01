#!/bin/sh
# Says when a newer sqlx than ours exists: 0.9.0 loses acknowledged writes when a begin is cancelled, and our guard for that
# (services/tenancy/src/pool.rs) can be looked at again then. Off line it says so and fails nothing.
set -u
ours=$(sed -n 's/^sqlx = { version = "=\([0-9.]*\)".*/\1/p' Cargo.toml)
newest=$(cd / && timeout 20 cargo info sqlx 2>/dev/null | sed -n 's/^version: \([0-9a-z.-]*\).*/\1/p')
if [ -z "$newest" ]; then
    echo "sqlx $ours; the registry does not answer, so whether there is a newer one is not known"
elif [ "$newest" = "$ours" ]; then
    echo "sqlx $ours is the newest release"
else
    echo "NOTICE: sqlx $newest is out, we are on $ours: see whether it mends transact-rs/sqlx #4385 and #4393"
fi
