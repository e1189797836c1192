#!/bin/sh
# Puts a release that stands under /opt/error-recovery/releases in force on this host: activate NAME
#
# Users and directories are made, what it was installed with is recorded (the daemon looks at its start whether that is still so),
# `current` is changed in one step, and a daemon that runs is restarted: it lets running attempts end, and the new one goes on with
# every fault. If the new one does not come up, the one before is put back. Other releases are removed. Runs again without harm.
set -eu
name=$1
home=/opt/error-recovery
release=$home/releases/$name
say() { echo "error-recovery: $*"; }
has() { command -v "$1" >/dev/null; }
point_to() { ln -sfn "releases/$1" "$home/current.next" && mv -T "$home/current.next" "$home/current"; }

if has systemd-sysusers; then
  systemd-sysusers error-recovery.conf
else
  getent passwd error-recovery >/dev/null ||
    useradd --system --user-group --home-dir /var/lib/error-recovery --shell /usr/sbin/nologin error-recovery
fi
if has systemd-tmpfiles; then systemd-tmpfiles --create error-recovery.conf; else
  install -d -m 750 -o error-recovery -g error-recovery /var/log/framework
fi
# Its own systemd makes scopes for what process_restart starts, so that it outlives the daemon.
if has loginctl && [ -d /run/systemd/system ]; then
  loginctl enable-linger error-recovery || say "no scopes: what process_restart starts ends with the daemon"
fi
"$release/bin/python" -m error_daemon.installed --record
before=$(readlink "$home/current" 2>/dev/null || true)
before=${before#releases/}
point_to "$name"

if [ -d /run/systemd/system ]; then
  version=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
  for since in 254:restart-steps 253:kernel-log; do # drop-ins that older ones do not understand
    drop_in=/etc/systemd/system/error-recovery.service.d/${since#*:}.conf
    if [ "${version:-0}" -ge "${since%%:*}" ]; then
      mkdir -p "${drop_in%/*}" && ln -sfn "$home/current/share/error-recovery/${since#*:}.conf" "$drop_in"
    else
      rm -f "$drop_in"
    fi
  done
  systemctl daemon-reload
  /usr/lib/systemd/systemd-sysctl 60-error-recovery.conf 2>/dev/null || say "kernel settings of 60-error-recovery.conf are not all in force"
  if systemctl --quiet is-active error-recovery.service; then
    say "restarting the daemon"
    if ! systemctl restart error-recovery.service; then
      say "the new release does not start; journalctl -u error-recovery says why" >&2
      if [ -n "$before" ] && [ "$before" != "$name" ] && [ -d "$home/releases/$before" ]; then
        point_to "$before" && systemctl restart error-recovery.service && say "release $before serves again" >&2
      fi
      exit 1
    fi
  fi
fi

for other in "$home"/releases/*; do
  [ "$other" = "$release" ] || rm -rf "$other"
done
