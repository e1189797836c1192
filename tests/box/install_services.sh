#!/bin/sh
# What tests/shipped breaks and sees recovered, what tests/rpc/wire calls with, what sends its alerts in tests/e2e, what the tests of
# network security try their rules and certificates with, and the browser of tests/browser, installed if it is missing, as far as that can
# be done here: as root, with apt.
# Nothing is started, and nothing that is installed here is started at the next boot. Without it those tests are skipped, and say so.
set -u
missing=
add() { [ -e "$1" ] || missing="$missing $2"; }
add /usr/sbin/nginx nginx
add /usr/bin/redis-server redis-server
add /usr/bin/pg_ctlcluster postgresql
add /usr/bin/curl curl
add /usr/sbin/nft nftables
add /usr/bin/openssl openssl
add /lib/systemd/systemd systemd-sysv
add /usr/bin/dbus-daemon dbus
add /usr/bin/h2load nghttp2-client
add /usr/bin/prometheus-alertmanager prometheus-alertmanager
add /usr/bin/prometheus prometheus
add /lib/systemd/systemd-coredump systemd-coredump
add /usr/bin/supervisord supervisor
add /usr/bin/monit monit
add /usr/sbin/nagios4 nagios4-core
add /usr/bin/g++ g++
add /usr/bin/pkg-config pkg-config
add /usr/include/grpcpp/grpcpp.h libgrpc++-dev
add /usr/bin/protoc protobuf-compiler
add /usr/bin/grpc_cpp_plugin protobuf-compiler-grpc
add /usr/bin/chromium "chromium fonts-dejavu-core"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "tests of services are skipped without:$missing"
  exit 0
fi
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"  # services that are installed are not started
fi
export DEBIAN_FRONTEND=noninteractive
apt="apt-get -q -o Acquire::http::Timeout=20 -o Acquire::Retries=1"
echo "for tests of services, installed and not started:$missing"
# systemd-coredump would have every core dump of this machine from now on: tests hand it theirs, and what the kernel does stays as it is
dumps="kernel/core_pattern kernel/core_pipe_limit fs/suid_dumpable"
for name in $dumps; do cp "/proc/sys/$name" "/run/before-${name##*/}" 2>/dev/null; done
# shellcheck disable=SC2086
{ $apt update && $apt install -y --no-install-recommends $missing; } >/dev/null 2>&1 ||
  echo "tests of services are skipped: apt-get could not install$missing"
for name in $dumps; do
  [ ! -s "/run/before-${name##*/}" ] || cat "/run/before-${name##*/}" >"/proc/sys/$name"
  rm -f "/run/before-${name##*/}"
done 2>/dev/null
case $missing in *nagios4*) missing="$missing exim4" ;; esac  # it brings a mail server with it
for unit in nginx.service redis-server.service postgresql.service prometheus.service prometheus-alertmanager.service \
  supervisor.service monit.service nagios4.service exim4.service; do
  case $missing in
    *"${unit%.service}"*) systemctl disable "$unit" >/dev/null 2>&1 ;;
  esac
done
exit 0
