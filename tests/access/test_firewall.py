"""The rules of nftables: what nft takes, what a real kernel lets through with them, and that they are loaded twice as once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from error_daemon.access.firewall import firewall_rules

CAN_TRY = os.geteuid() == 0 and all(map(shutil.which, ("nft", "unshare")))
needs_nft = pytest.mark.skipif(not CAN_TRY, reason="needs root, nft and unshare")
needs_two_hosts = pytest.mark.skipif(
    not CAN_TRY or not all(map(shutil.which, ("ip", "nsenter", "python3"))), reason="needs root, nft, ip and nsenter"
)
ALLOW = ["10.9.0.2", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]
LISTEN = "0.0.0.0:50051"


def apart(script: str, *arguments: str) -> str:
    """What a shell script prints in a network of its own."""
    command = ["unshare", "--net", "sh", "-euc", script, "sh", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_nft
@pytest.mark.parametrize("allow", [[], ["10.0.0.0/8"], ["2001:db8::/32"], ALLOW, ["0.0.0.0/0", "::/0"]])
@pytest.mark.parametrize("dscp", ["", "CS2", "AF41", "EF"])
@pytest.mark.parametrize("listen", [LISTEN, "[::]:1", "127.0.0.1:50051", "unix:/run/x.sock"])
def test_nft_takes_whatever_the_settings_say(tmp_path: Path, listen: str, allow: list[str], dscp: str) -> None:
    file = tmp_path / "rules"
    file.write_text(firewall_rules([listen], allow, dscp))
    apart('nft -c -f "$1"', str(file))


@needs_nft
def test_loading_them_twice_is_loading_them_once_and_others_tables_stay(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text(firewall_rules([LISTEN], ALLOW, "CS2"))
    out = apart('nft add table inet other; for n in 1 2; do nft -f "$1"; nft list ruleset; echo ---; done', str(file))
    once, twice, _ = out.split("---\n")
    assert once == twice
    assert "table inet other" in once
    assert "10.0.0.0/8" in once
    file.write_text(firewall_rules([LISTEN], ["192.0.2.0/24"], ""))
    changed = apart('nft -f "$1"; nft list ruleset', str(file))
    assert "192.0.2.0/24" in changed
    assert "10.0.0.0/8" not in changed


# Two hosts with a cable between them. The other one has two addresses, of which one is allowed. What is printed: who got through.
TWO_HOSTS = """
unshare --net sleep 60 >/dev/null 2>&1 & other=$!
trap 'kill $other' EXIT
while [ "$(readlink /proc/$other/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do :; done
ip link set lo up
ip link add near type veth peer name far netns $other
ip addr add 10.9.0.1/24 dev near; ip link set near up
nsenter -t $other -n sh -ec 'ip addr add 10.9.0.2/24 dev far; ip addr add 10.9.0.3/24 dev far; ip link set far up'
nft -f "$1"
python3 - $other <<'PYTHON'
import socket, subprocess, sys
other = sys.argv[1]
servers = []
for port in (50051, 50052):
    server = socket.create_server(("0.0.0.0", port)); servers.append(server)
udp = socket.socket(type=socket.SOCK_DGRAM); udp.bind(("0.0.0.0", 50051)); udp.settimeout(10)
far = '''
import socket, sys
host, port, own = sys.argv[1], int(sys.argv[2]), sys.argv[3]
try:
    socket.create_connection((host, port), 2, (own, 0)); print("in")
except OSError: print("out")
'''
def tries(own, port, enter=("nsenter", "-t", other, "-n")):
    host = "10.9.0.1" if enter else "127.0.0.1"
    command = [*enter, "python3", "-c", far, host, str(port), own]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
print("allowed", tries("10.9.0.2", 50051))
print("another", tries("10.9.0.3", 50051))
print("another port", tries("10.9.0.3", 50052))
print("this host", tries("127.0.0.1", 50051, ()))
say = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('10.9.0.3', 0)); s.sendto(b'x', ('10.9.0.1', 50051))"
subprocess.run(["nsenter", "-t", other, "-n", "python3", "-c", say])
print("another protocol", "in" if udp.recv(1) else "out")
PYTHON
"""


@needs_two_hosts
def test_a_real_kernel_lets_through_whom_the_list_has_and_leaves_all_else_alone(tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text(firewall_rules([LISTEN], ["10.9.0.2", "2001:db8::/32"], ""))
    assert apart(TWO_HOSTS, str(file)).splitlines() == [
        "allowed in",
        "another out",
        "another port in",
        "this host in",
        "another protocol in",
    ]


@pytest.mark.parametrize(
    ("listen", "allow", "dscp"), [("unix:/run/x.sock", ALLOW, "CS2"), (LISTEN, [], ""), ("127.0.0.1:1", [], "")]
)
def test_settings_that_ask_for_no_rules_have_none(listen: str, allow: list[str], dscp: str) -> None:
    assert firewall_rules([listen], allow, dscp) == ""
