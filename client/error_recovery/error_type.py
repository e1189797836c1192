"""Which error type an exception stands for, where the caller does not say.

The first row that fits decides; within a row, the most special class of the exception:

    class                                                              type
    ------------------------------------------------------------------ --------------
    of a database's package (sqlite3, duckdb, psycopg, redis, ...)     database
    named ...Timeout... (TimeoutError, requests.Timeout, ...)          timeout
    listed in `_BY_NAME`                                               as listed there
    OSError with a number listed in `_BY_ERRNO`                        as listed there
    of a network client's package (requests, httpx, grpc, ...)         network
    any other OSError                                                  system
    anything else                                                      unknown

An error of a database's package is of type database even when it is a time-out there: it is the database that must be
looked at. `PermissionError` is security and not authentication: no new login mends it.
"""

from __future__ import annotations

import errno

DATABASES = frozenset(
    (
        "sqlite3",
        "duckdb",
        "_duckdb",
        "psycopg",
        "psycopg2",
        "asyncpg",
        "pymysql",
        "MySQLdb",
        "mysql",
        "sqlalchemy",
        "redis",
        "pymongo",
        "oracledb",
    )
)
NETWORK_CLIENTS = frozenset(
    ("requests", "httpx", "httpcore", "aiohttp", "urllib3", "grpc", "http", "urllib", "websockets")
)

_BY_NAME = {
    "builtins.PermissionError": "security",
    "builtins.ConnectionError": "network",
    "builtins.MemoryError": "resource",
    "builtins.RecursionError": "resource",
    "builtins.UnicodeError": "data",
    "builtins.ImportError": "configuration",
    "socket.gaierror": "network",
    "socket.herror": "network",
    "ssl.SSLCertVerificationError": "security",
    "ssl.SSLError": "network",
    "json.decoder.JSONDecodeError": "data",
    "csv.Error": "data",
    "_csv.Error": "data",
    "struct.error": "data",
    "zlib.error": "data",
    "configparser.Error": "configuration",
    "tomllib.TOMLDecodeError": "configuration",
    "subprocess.CalledProcessError": "task",
    "subprocess.TimeoutExpired": "timeout",
    "concurrent.futures._base.BrokenExecutor": "worker",
}

_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM), "resource"),
    **dict.fromkeys(
        (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRINUSE, errno.EADDRNOTAVAIL), "network"
    ),
    **dict.fromkeys((errno.EIO, errno.ENXIO, errno.ENODEV), "hardware"),
}


def error_type_of(exc: BaseException) -> str:
    """The name of the error type that `exc` stands for: one of `fault.ERROR_TYPES`."""
    packages = {cls.__module__.partition(".")[0] for cls in type(exc).__mro__}
    if packages & DATABASES:
        return "database"
    for cls in type(exc).__mro__:
        if "Timeout" in cls.__name__:
            return "timeout"
        named = _BY_NAME.get(f"{cls.__module__}.{cls.__qualname__}")
        if named:
            return named
    if isinstance(exc, OSError) and exc.errno in _BY_ERRNO:
        return _BY_ERRNO[exc.errno]
    if packages & NETWORK_CLIENTS:
        return "network"
    return "system" if isinstance(exc, OSError) else "unknown"
