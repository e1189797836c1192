#!/usr/bin/env bash
# make install: the program, its files, the configuration; and, unless DESTDIR says that this is not the host, in force.
. "$(dirname "$0")/layout.sh"
here=$source_dir/install
[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "installing into / needs root: sudo make install, or give a DESTDIR"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source_dir/pyproject.toml")
release=${RELEASE:-$version-$(date -u +%Y%m%d%H%M%S)}
"$here/program.sh" "$release"
"$here/files.sh"
"$here/configuration.sh"
if [ -n "$DESTDIR" ]; then
  ln -sfn "releases/$release" "$DESTDIR$home/current"
  say "laid out under $DESTDIR; on the host: $home/current/share/error-recovery/activate $release"
  exit
fi
"$home/releases/$release/share/error-recovery/activate" "$release"
say "installed. systemctl enable --now error-recovery starts it; docs: $home/current/share/doc/error-recovery/install.md"
