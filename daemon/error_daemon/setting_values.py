"""What a setting, or a definition, may have as its value where that is more than a plain type: durations, addresses, networks and names.

Nothing is converted silently: what is not written as one of these is refused, with the way to write it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

MOST_DURATION_S = 10 * 365 * 86400.0  # ten years: nobody means more, and times stay dates
DSCP = {  # RFC 2474, 2597, 3246: a name and its code point
    "": 0,
    **{f"CS{of}": of << 3 for of in range(1, 8)},
    **{f"AF{of}{drop}": of << 3 | drop << 1 for of in range(1, 5) for drop in range(1, 4)},
    "EF": 46,
}
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: object) -> object:
    """ "250ms" → 0.25. Units: us, ms, s, m, h, d. A bare number is refused: nobody can tell its unit."""
    if isinstance(value, str):
        text = value.strip()
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = text[len(number) :]
        if unit in _UNITS:
            try:
                length_s = float(number) * _UNITS[unit]
            except ValueError:
                pass
            else:
                if length_s > MOST_DURATION_S:
                    raise ValueError(f"{value!r} is longer than ten years")
                return length_s
    raise ValueError(f'{value!r} is not a duration: write a number and one of us, ms, s, m, h, d, as in "5s"')


Duration = Annotated[
    float,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    Field(ge=0, allow_inf_nan=False),
]


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_frozen)]


@dataclass(frozen=True, slots=True)
class SyslogAddress:
    """Where a syslog server is. Of `unix` the host is the path of its socket, and the port 0."""

    scheme: Literal["udp", "tcp", "tls", "unix"]
    host: str
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.host}" if self.scheme == "unix" else f"{self.scheme}://{host}:{self.port}"


def parse_syslog(text: str) -> SyslogAddress | None:
    """None for an empty text. Raises ValueError."""
    if not text:
        return None
    if text.startswith("unix:/") and "\0" not in text and len(text.encode("utf-8", "replace")) <= 107:
        return SyslogAddress("unix", text[len("unix:") :])
    match = re.fullmatch(r"(udp|tcp|tls)://(\[[0-9a-fA-F:.]+\]|[^:/\[\]\s]+):([0-9]{1,5})", text)
    schemes: dict[str, Literal["udp", "tcp", "tls"]] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}
    if match is None or not 0 < int(match[3]) < 65536:
        raise ValueError(
            f"{text!r} is not a syslog server: write udp://host:514, tcp://host:601, tls://host:6514 or unix:/path"
        )
    return SyslogAddress(schemes[match[1]], match[2].strip("[]"), int(match[3]))


def _checked_syslog(text: str) -> str:
    parse_syslog(text)
    return text


SyslogText = Annotated[str, AfterValidator(_checked_syslog)]
SyslogTexts = Annotated[tuple[SyslogText, ...], BeforeValidator(_frozen)]


def _checked_endpoint(text: str) -> str:
    if text and not re.fullmatch(r"https?://(\[[0-9a-fA-F:.]+\]|[^:/@\s]+)(:[0-9]{1,5})?(/[^\s?#]*)?", text):
        raise ValueError(
            f"{text!r} is no collector: write http://host:4318 or https://host:4318; keys go into telemetry.headers_file"
        )
    return text


EndpointText = Annotated[str, AfterValidator(_checked_endpoint)]


def _checked_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a network: write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32 ({error})") from None
    return text


def _checked_dscp(name: str) -> str:
    if name not in DSCP:
        raise ValueError(f"{name!r} is not a DSCP name: write one of {', '.join(filter(None, DSCP))}, or nothing")
    return name


def _checked_public_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", text):
        raise ValueError(f"{text!r} is not where people reach it: write https://recovery.example, or nothing")
    return text


PublicUrl = Annotated[str, AfterValidator(_checked_public_url)]
Network = Annotated[str, AfterValidator(_checked_network)]
DscpName = Annotated[str, AfterValidator(_checked_dscp)]
