#!/usr/bin/env bash
# make uninstall: what make install put there is gone, but for configuration (/etc), state (/var/lib/error-recovery), logs
# (/var/log/framework) and the user who owns them. docs/install.md says how to remove those.
. "$(dirname "$0")/layout.sh"
[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "uninstalling from / needs root: sudo make uninstall"
# What `error-cli tune` has set is put back as long as there is an error-cli that knows how.
if [ -z "$DESTDIR" ] && [ -d /var/lib/error-recovery-tune ]; then
  "$PREFIX/bin/error-cli" tune --undo || say "not all of what error-cli tune has set could be put back"
fi
if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
  systemctl disable --now error-recovery.service 2>/dev/null || true
  # not through `grep -q`, which leaves at the first line: find would die of SIGPIPE, and with pipefail that is a no
  if [ -n "$(find /sys/fs/cgroup -type d -name 'error-recovery-*.scope' -print -quit 2>/dev/null)" ]; then
    say "what process_restart started runs on, and its pid files in /run/error-recovery stay; to end it: loginctl disable-linger error-recovery"
  else
    loginctl disable-linger error-recovery 2>/dev/null || true
    rm -rf /run/error-recovery
  fi
fi
rm -f "$DESTDIR$PREFIX"/bin/{error_daemon,error-cli}
rm -rf "$DESTDIR$units"/error-recovery{.service,-report@.service}{,.d}
rm -f "$DESTDIR$PREFIX"/lib/{sysusers.d,tmpfiles.d}/error-recovery.conf "$DESTDIR$PREFIX/lib/sysctl.d/60-error-recovery.conf"
rm -f "$DESTDIR"/etc/systemd/system/error-recovery.service.d/{restart-steps,kernel-log}.conf # links into what is gone
rmdir "$DESTDIR/etc/systemd/system/error-recovery.service.d" 2>/dev/null || true
link=$DESTDIR/etc/systemd/system/service.d/error-recovery-report.conf
if [ -L "$link" ]; then rm -f "$link"; rmdir "${link%/*}" 2>/dev/null || true; fi
rm -rf "$DESTDIR/opt/error-recovery" "$DESTDIR/etc/recovery/schema.json"
if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
say "uninstalled. Left as they are: /etc/recovery.conf, /etc/recovery, /etc/default/error-recovery, /var/lib/error-recovery, /var/log/framework"
