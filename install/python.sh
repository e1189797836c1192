# choose_python: sets `python` to the interpreter of a release, $PYTHON or the first that fits.
#
# It must be one that the daemon can read, whose unit hides /home and /root (InaccessiblePaths=), and is named with its version (python3.11): `python3` may be
# another one after an upgrade of the host.
# shellcheck shell=bash
usable() {
  "$1" -c 'import os, sys
sys.exit(sys.version_info < (3, 10) or os.path.realpath(sys.executable).startswith(("/root/", "/home/", "/run/user/")))' 2>/dev/null
}

choose_python() {
  local candidate
  python=
  if [ -n "${PYTHON:-}" ]; then
    python=$(command -v "$PYTHON") || fail "there is no $PYTHON"
    usable "$python" || fail "$PYTHON can't be used: the service needs Python 3.10 or newer, installed outside of /root and /home"
  else
    for candidate in /usr/bin/python3 /usr/bin/python3.{14,13,12,11,10} /usr/local/bin/python3; do
      if [ -x "$candidate" ] && usable "$candidate"; then python=$candidate && break; fi
    done
    [ -n "$python" ] || fail "no Python 3.10 or newer in /usr/bin or /usr/local/bin. Install one (RHEL 9: dnf install python3.12), or say INSTALL_PYTHON=..."
  fi
  python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
}

# make_environment PLACE: a virtual environment of $python.
make_environment() {
  "$python" -m venv "$1" && return
  rm -rf "$1"
  command -v apt-get >/dev/null || fail "$python has no venv module"
  say "no venv module; installing it"
  { apt-get update -q && apt-get install -qy python3-venv && "$python" -m venv "$1"; } || fail "python3-venv is needed"
}
