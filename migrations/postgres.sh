#!/bin/sh
# Sees to it that PostgreSQL binaries are there: installs them as root, else says what to install.
set -eu
[ -n "${HANSA_PG_BIN:-}" ] && exit 0
ls /usr/lib/postgresql/*/bin/initdb /usr/pgsql*/bin/initdb >/dev/null 2>&1 && exit 0
command -v initdb >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing PostgreSQL"
    # The package must not start a server of its own.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
else
    echo "PostgreSQL 15 or newer is needed: apt-get install postgresql (as root), or set HANSA_PG_BIN to its bin folder" >&2
    exit 1
fi
