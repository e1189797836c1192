# Where everything goes. DESTDIR is put before every path, and is no part of what is written into files.
#
#   /opt/error-recovery/releases/NAME   one installed version: a virtual environment, complete, never changed once it is in force
#   /opt/error-recovery/current         a link to the one in force; it is changed in one step, and running processes keep theirs
#   $PREFIX/bin, $PREFIX/lib            error_daemon and error-cli; the unit, sysusers.d, tmpfiles.d, sysctl.d
#   /etc                                configuration: yours once it is there
#
# shellcheck shell=bash disable=SC2034
set -euo pipefail
umask 022
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DESTDIR=${DESTDIR:-}
PREFIX=${PREFIX:-/usr/local}
home=/opt/error-recovery
units=$PREFIX/lib/systemd/system
installed_list=$home/configuration.sha256 # what was installed of each configuration file, to see later whether it was edited

say() { printf 'error-recovery: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

# put MODE FILE PLACE
put() { install -D -m "$1" "$source_dir/$2" "$DESTDIR$3"; }

# Every configuration file: "FILE PLACE", one a line.
configuration_files() {
  echo "etc/recovery.conf /etc/recovery.conf"
  echo "etc/default/error-recovery /etc/default/error-recovery"
  echo "etc/limits.d/error-recovery.conf /etc/security/limits.d/error-recovery.conf"
  (cd "$source_dir" && find etc/recovery -type f ! -name schema.json ! -name '*.pyc' | LC_ALL=C sort | sed 's:.*:& /&:')
}
