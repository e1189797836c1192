#!/bin/sh
# install.sh PACKAGE DIRECTORY: what PACKAGE/package.json asks for into DIRECTORY, where node and npm are. Without it the tests that need it
# are skipped, and say so.
set -u
command -v node >/dev/null && command -v npm >/dev/null || exit 0
cmp -s "$1/package-lock.json" "$2/package-lock.json" && exit 0
mkdir -p "$2" && cp "$1/package.json" "$1/package-lock.json" "$2/" || exit 0
timeout 180 npm ci --prefix "$2" --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 || {
  rm -f "$2/package-lock.json"
  echo "tests of $1 are skipped: npm could not install what they need"
}
