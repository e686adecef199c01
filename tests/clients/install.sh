#!/bin/sh
# Brings what the tests with other people's clients need: curl, and under target/python grpcio with reflection and a mail server.
set -eu
cd "$(dirname "$0")/../.."
need() {
    command -v "$1" >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
    else
        echo "$1 is needed: apt-get install $2 (as root)" >&2
        exit 1
    fi
}
need curl curl
need python3 python3
python3 -m pip --version >/dev/null 2>&1 || need pip python3-pip
if ! PYTHONPATH=target/python python3 -c 'import grpc, grpc_reflection, aiosmtpd' 2>/dev/null; then
    mkdir -p target
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target target/python \
        'grpcio>=1.60,<2' 'grpcio-reflection>=1.60,<2' 'aiosmtpd>=1.4,<2'
fi
