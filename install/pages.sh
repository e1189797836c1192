#!/usr/bin/env bash
# What docs/ has, below the release at $1, as it stands there: the pages link to each other, to schemas and to pictures.
. "$(dirname "$0")/layout.sh"
place=${1:?the place of the release}
(cd "$source_dir/docs" && find . -type f \( -name '*.md' -o -name '*.json' -o -name '*.png' \) -printf '%P\n') | LC_ALL=C sort |
  while read -r page; do put 644 "docs/$page" "$place/share/doc/error-recovery/$page"; done
