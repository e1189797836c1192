"""
Which error type an exception stands for, where all that is known is its name, in any language's spelling.

The rows are looked at in their order, and the first whose pattern is found in the name decides: a time-out of a database is one of the
database, as in our own client (error_recovery/error_type.py). A name is as its language has it: "psycopg2.OperationalError",
"java.net.ConnectException", "ETIMEDOUT", "System.IO.IOException". What no row has is unknown.
"""

from __future__ import annotations

import re
from functools import lru_cache

from error_recovery.v1 import fault_pb2

_ROWS: tuple[tuple[str, fault_pb2.ErrorType.ValueType], ...] = (
    (
        r"\bsql|sql(exception|error)|psycopg|asyncpg|duckdb|mysql|mariadb|sqlite|oracledb|redis|mongo|cassandra|elasticsearch"
        r"|operationalerror|integrityerror|programmingerror|databaseerror|deadlock|sequelize|prisma|hibernate|jdbc",
        fault_pb2.ERROR_TYPE_DATABASE,
    ),
    (r"time-?d?_?-?out|etimedout|deadlineexceeded|deadline_exceeded", fault_pb2.ERROR_TYPE_TIMEOUT),
    (
        r"cert(ificate)?_?verif|permission|accessdenied|eacces|eperm\b|forbidden|csrf|securityexc",
        fault_pb2.ERROR_TYPE_SECURITY,
    ),
    (
        r"unauthori[sz]|authenticat|notauthenticated|invalidcredentials|login|tokenexpired|invalidtoken",
        fault_pb2.ERROR_TYPE_AUTHENTICATION,
    ),
    (
        r"connect|\becon|\behost|\benetun|\benotfound|\beai_|\bepipe|brokenpipe|socket|gaierror|dns|unknownhost|noroute|network|sslerror"
        r"|httperror|urlerror|grpc|rpcerror|fetcherror|aiohttp|httpx|requests\.exc|urllib3",
        fault_pb2.ERROR_TYPE_NETWORK,
    ),
    (
        r"memoryerror|outofmemory|\boom\b|enomem|enospc|emfile|enfile|nospace|diskfull|quota|recursionerror|stackoverflow|toomany"
        r"|resourceexhausted|resource_exhausted|ratelimit",
        fault_pb2.ERROR_TYPE_RESOURCE,
    ),
    (r"\beio\b|enxio|enodev|cuda|nvml|hardware|machinecheck", fault_pb2.ERROR_TYPE_HARDWARE),
    (r"worker|brokenexecutor|brokenprocesspool", fault_pb2.ERROR_TYPE_WORKER),
    (
        r"config|importerror|modulenotfound|classnotfound|noclassdef|environ|missingenv|tomldecode",
        fault_pb2.ERROR_TYPE_CONFIGURATION,
    ),
    (
        r"json|unicode|decode|encod|parse|syntax|serializ|format|schema|validation|\bcsv|xml|yaml|typeerror|valueerror|keyerror"
        r"|indexerror|attributeerror|rangeerror|nullpointer|nilpointer|illegalargument|arithmetic|zerodivision|assertion",
        fault_pb2.ERROR_TYPE_DATA,
    ),
    (r"calledprocess|taskerror|taskfail|jobfail|celery", fault_pb2.ERROR_TYPE_TASK),
    (
        r"oserror|ioerror|ioexception|filenotfound|enoent|eexist|systemerror|segfault|segmentation|signal",
        fault_pb2.ERROR_TYPE_SYSTEM,
    ),
)
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _ROWS)
_LONGEST_NAME = 256


@lru_cache(maxsize=1024)
def error_type_named(name: str) -> fault_pb2.ErrorType.ValueType:
    """`name`: of the exception, qualified where it can be."""
    for pattern, kind in _PATTERNS:
        if pattern.search(name, 0, _LONGEST_NAME):
            return kind
    return fault_pb2.ERROR_TYPE_UNKNOWN
