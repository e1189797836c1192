#!/usr/bin/env bash
# make wheels: everything that an installation needs from the network, into a directory: our wheel and those of constraints.txt.
# `make install WHEELS=dir` then installs on a host without network, with the same version of Python.
. "$(dirname "$0")/layout.sh"
. "$(dirname "$0")/python.sh"
wheels=${1:?a directory}
choose_python
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
make_environment "$environment"
"$environment/bin/python" -m pip wheel --quiet --disable-pip-version-check --constraint "$source_dir/constraints.txt" \
  --wheel-dir "$wheels" "$source_dir"
say "wheels for $("$python" -V) are in $wheels"
