"""A shop that breaks: of what it would have with any Sentry, only the DSN is another.  sentry_shop.py DSN HOW"""

from __future__ import annotations

import json
import logging
import sys
import threading

import sentry_sdk
from sentry_sdk.crons import monitor

DSN, HOW = sys.argv[1:]
sentry_sdk.init(dsn=DSN, environment="production", release="shop-py@1.0", server_name="web-1")


def read_stock() -> object:
    return json.loads("{rubbish")


@monitor(monitor_slug="backup", monitor_config={"schedule": {"type": "crontab", "value": "0 3 * * *"}})
def back_up() -> None:
    raise OSError("no room on the disk")


if HOW == "captured":
    try:
        read_stock()
    except ValueError:
        sentry_sdk.set_tag("region", "eu")
        sentry_sdk.capture_exception()
elif HOW == "thread":
    threading.Thread(target=read_stock).start()
elif HOW == "logged":
    logging.getLogger("shop").error("the stock is %s", "rubbish")
elif HOW == "job":
    back_up()
else:
    read_stock()
sentry_sdk.flush(10)
