#!/bin/sh
# Reports what a command of a shell script fails with: report.sh COMPONENT COMMAND [ARGUMENT ...]. Its exit code is that of the command.
#
# error-cli speaks gRPC for the shell; ERROR_RECOVERY_ADDRESS says where the daemon is. A daemon that is away costs the script nothing but its
# report, which is said on standard error.
set -u
component=$1
shift
said=$(mktemp) || exit 75
trap 'rm -f "$said"' EXIT
"$@" 2>"$said"
code=$?
cat "$said" >&2
if [ "$code" != 0 ]; then
  "${ERROR_CLI:-error-cli}" report --type=task --component="$component" --operation="${1##*/}" --attribute="exit_code=$code" \
    -- "$1 has ended with $code: $(tail -n 1 "$said")" >/dev/null
fi
exit "$code"
