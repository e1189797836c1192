"""Entries as systemd 252 wrote them, cut to the fields that are asked for."""

from __future__ import annotations

FROM_SYSTEMD = {"_UID": "0", "_HOSTNAME": "box", "_SYSTEMD_UNIT": "init.scope"}
AT = {"__REALTIME_TIMESTAMP": "1795372181506681", "_SOURCE_REALTIME_TIMESTAMP": "1795372181505530"}
NOW = 1795372200.0


def ended(
    unit: str = "shop.service", code: str = "exited", status: str = "7", invocation: str = "f124"
) -> dict[str, str]:
    return {
        **FROM_SYSTEMD,
        **AT,
        "MESSAGE_ID": "98e322203f7a4ed290d09fe03c09fe15",
        "MESSAGE": f"{unit}: Main process exited, code={code}, status={status}",
        "UNIT": unit,
        "EXIT_CODE": code,
        "EXIT_STATUS": status,
        "INVOCATION_ID": invocation,
    }


def failed(unit: str = "shop.service", result: str = "exit-code", invocation: str = "f124") -> dict[str, str]:
    return {
        **FROM_SYSTEMD,
        **AT,
        "MESSAGE_ID": "d9b373ed55a64feb8242e02dbe79a49c",
        "MESSAGE": f"{unit}: Failed with result '{result}'.",
        "UNIT": unit,
        "UNIT_RESULT": result,
        "INVOCATION_ID": invocation,
    }


def out_of_memory(unit: str = "shop.service") -> dict[str, str]:
    return {
        **FROM_SYSTEMD,
        **AT,
        "MESSAGE_ID": "fe6faa94e7774663a0da52717891d8ef",
        "MESSAGE": f"{unit}: A process of this unit has been killed by the OOM killer.",
        "UNIT": unit,
        "INVOCATION_ID": "f124",
    }


STACKS = """Process 82 (shop) of user 33 dumped core.

Stack trace of thread 83:
#0  0x00007f24ccb32eec __pthread_kill_implementation (libc.so.6 + 0x8aeec)
#1  0x00007f24ccace472 __GI_abort (libc.so.6 + 0x26472)
#2  0x000055a7d235a142 deep (/usr/local/bin/shop + 0x1142)
#3  0x000055a7d235a14b n/a (shop + 0x114b)
#4  0x000055a7d235a157 std::vector<int, std::allocator<int> >::at(unsigned long) const (shop + 0x1157)
#5  0x00007f24ccacf24a n/a (n/a + 0x0)

Stack trace of thread 84:
#0  0x00007f24ccb32eec poll (libc.so.6 + 0x8aeec)
ELF object binary architecture: AMD x86-64
"""


def dumped(unit: str = "shop.service", **others: str) -> dict[str, str]:
    return {
        "_UID": "993",
        "_HOSTNAME": "box",
        "_SYSTEMD_UNIT": "systemd-coredump@0-92-0.service",
        **AT,
        "MESSAGE_ID": "fc2e22bc6ee647b6b90729ab34a250b1",
        "MESSAGE": STACKS,
        "COREDUMP_UNIT": unit,
        "COREDUMP_EXE": "/usr/local/bin/shop",
        "COREDUMP_COMM": "shop",
        "COREDUMP_PID": "82",
        "COREDUMP_UID": "33",
        "COREDUMP_SIGNAL": "6",
        "COREDUMP_SIGNAL_NAME": "SIGABRT",
        "COREDUMP_TIMESTAMP": "1795372180000000",
        "COREDUMP_FILENAME": "/var/lib/systemd/coredump/core.shop.zst",
        **others,
    }
