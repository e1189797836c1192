#!/usr/bin/env bash
# The program itself: a release, which is a virtual environment with the versions of constraints.txt. It is not in force yet.
. "$(dirname "$0")/layout.sh"
. "$(dirname "$0")/python.sh"
release=${1:?the release\'s name}
place=$home/releases/$release
target=$DESTDIR$place
choose_python
say "installing $release with $("$python" -V) under $place"

wheels=${WHEELS:-}
if [ -z "$wheels" ]; then
  wheels=$(mktemp -d)
  trap 'rm -rf "$wheels"' EXIT
  PYTHON=$python "$source_dir/install/wheels.sh" "$wheels" >/dev/null
fi
rm -rf "$target"
mkdir -p "$(dirname "$target")"
make_environment "$target"
pip() { "$target/bin/python" -m pip "$@" --quiet --disable-pip-version-check; }
pip install --no-index --find-links "$wheels" --no-compile --no-cache-dir error-recovery
pip uninstall --yes setuptools pip # nothing is installed into a release later

if [ -n "$DESTDIR" ]; then # paths as they will be
  grep -rlIF "$target" "$target/bin" "$target/pyvenv.cfg" | xargs -r sed -i "s:$target:$place:g"
fi
rm -rf "$target"/bin/[Aa]ctivate* "$target/include"
"$python" -m compileall -q ${DESTDIR:+-s "$DESTDIR"} "$target"/lib/python*/site-packages >/dev/null

"$source_dir/install/pages.sh" "$place"
put 644 systemd/report-failures.conf "$place/share/error-recovery/report-failures.conf"
put 644 systemd/restart-steps.conf "$place/share/error-recovery/restart-steps.conf"
put 644 systemd/kernel-log.conf "$place/share/error-recovery/kernel-log.conf"
put 644 systemd/early-deaths.conf "$place/share/error-recovery/early-deaths.conf"
put 644 etc/prometheus/error-recovery.rules.yml "$place/share/error-recovery/prometheus/error-recovery.rules.yml"
put 644 etc/grafana/error-recovery.json "$place/share/error-recovery/grafana/error-recovery.json"
put 755 install/activate.sh "$place/share/error-recovery/activate"
