#!/usr/bin/env bash
# What stands outside of the release and is ours: programs in PREFIX, units, users, directories, kernel settings, the schema.
. "$(dirname "$0")/layout.sh"
install -d -m 755 "$DESTDIR$PREFIX/bin"
for program in error_daemon error-cli; do ln -sfn "$home/current/bin/$program" "$DESTDIR$PREFIX/bin/$program"; done
put 644 systemd/error-recovery.service "$units/error-recovery.service"
put 644 systemd/error-recovery-report@.service "$units/error-recovery-report@.service"
for ours in error-recovery error-recovery-report@; do # see report-failures.conf
  install -d -m 755 "$DESTDIR$units/$ours.service.d"
  : >"$DESTDIR$units/$ours.service.d/error-recovery-report.conf"
done
put 644 etc/sysusers.d/error-recovery.conf "$PREFIX/lib/sysusers.d/error-recovery.conf"
put 644 etc/tmpfiles.d/error-recovery.conf "$PREFIX/lib/tmpfiles.d/error-recovery.conf"
put 644 etc/sysctl.d/60-error-recovery.conf "$PREFIX/lib/sysctl.d/60-error-recovery.conf"
put 644 etc/recovery/schema.json /etc/recovery/schema.json
