#!/bin/sh
# @grpc/grpc-js for tests/rpc/wire/test_other_peers.py, into DIRECTORY (install.sh DIRECTORY), where node and npm are. Without it those tests
# are skipped, and say so.
set -u
here=$(dirname "$0")
command -v node >/dev/null && command -v npm >/dev/null || exit 0
cmp -s "$here/package-lock.json" "$1/package-lock.json" && exit 0
mkdir -p "$1" && cp "$here/package.json" "$here/package-lock.json" "$1/" || exit 0
timeout 120 npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 || {
  rm -f "$1/package-lock.json"
  echo "tests with @grpc/grpc-js are skipped: npm could not install it"
}
