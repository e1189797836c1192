"""Secrets never get into a log line: they are replaced by "[redacted]" before the line leaves the loop.

Two rules. **By key**: whatever stands under a key that names a secret (`password`, `api_key`, `DB_TOKEN`, ...) goes, however deep. **By
pattern**: in every text, what follows such a name (`password=...`, `"token": "..."`, `--secret ...`), what follows Authorization,
Cookie, Bearer and Basic, the password in an URL, private keys, and tokens that show by their shape whose they are. What is a secret
without looking like one ("the word is xyzzy") is not found: nobody can.

**Cost.** Looking for patterns takes far longer than making a line. Every pattern has a hint: letters that stand in whatever it matches.
A line whose keys name no secret, and whose texts have none of the hints, cannot have one, and is left as it is. What stands under
NEVER_SECRET is made by the daemon itself, and not looked at.

Every pattern is linear in the text: what repeats is bounded or can't begin again within itself, so that no fault's text can keep
the loop busy. The shapes of tokens are those that their issuers publish (GitHub, Slack, AWS, Google, Stripe, OpenAI, Vault) and RFC 7519.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"
_FLAGS = re.ASCII | re.IGNORECASE  # ASCII, so that a hint in lower case is found wherever the pattern is
_NAMES = (
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|"
    r"encryption[_-]?key|credential|session[_-]?id)"
)
_NAME_HINTS = ("pass", "pwd", "secret", "token", "key", "credential", "session")
_KEY = re.compile(_NAMES + r"|^(?:proxy[_-]?)?authorization$|^(?:set[_-]?)?cookies?$|^pass$|^auth$", _FLAGS)
_VALUE = r"""(?!["']?\[redacted\])(?:\\{0,2}"(?:[^"\\]|\\[^"])*\\{0,2}"?|\\{0,2}'(?:[^'\\]|\\[^'])*\\{0,2}'?|[^\s"',;&}\])]+)"""


def _pattern(regex: str, replacement: str = REDACTED, *hints: str) -> tuple[tuple[str, ...], re.Pattern[str], str]:
    return hints, re.compile(regex, _FLAGS), replacement


_PATTERNS = (
    _pattern(
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]{0,40}PRIVATE KEY-----|[\s\S]*)",
        REDACTED,
        "private key",
    ),
    _pattern(r"""(authorization\\{0,2}["']?\s{0,8}[:=]\s{0,8})[^\r\n,}]+""", rf"\1{REDACTED}", "authorization"),
    _pattern(r"""(cookie\\{0,2}["']?\s{0,8}[:=]\s{0,8})[^\r\n}]+""", rf"\1{REDACTED}", "cookie"),
    _pattern(
        rf"""({_NAMES}[\w.-]{{0,32}}\\{{0,2}}["']?\s{{0,8}}[:=]\s{{0,8}}){_VALUE}""", rf"\1{REDACTED}", *_NAME_HINTS
    ),
    _pattern(rf"(--[\w-]{{0,32}}?{_NAMES}[\w-]{{0,16}}\s{{1,8}}){_VALUE}", rf"\1{REDACTED}", *_NAME_HINTS),
    _pattern(r"\b(bearer\s{1,8})[\w+/=.~-]{8,}", rf"\1{REDACTED}", "bearer"),
    _pattern(r"\b(basic\s{1,8})(?=[A-Z]{0,200}[0-9+/=])[\w+/=-]{8,}", rf"\1{REDACTED}", "basic"),  # not: basic training
    _pattern(r"(://[^/\s:@\"']{0,256}:)[^/\s@\"']{1,256}@", rf"\1{REDACTED}@", "@"),
    _pattern(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", REDACTED, "eyj"),
    _pattern(r"(?<!\w)A[KS]IA[0-9A-Z]{16}", REDACTED, "akia", "asia"),
    _pattern(
        r"(?<!\w)(?:gh[pousr]_\w{20,}|github_pat_\w{20,})",
        REDACTED,
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
    ),
    _pattern(r"(?<![\w-])xox[abeprs]-[\w-]{10,}", REDACTED, "xox"),
    _pattern(r"(?<![\w-])(?:sk|rk|pk)[-_][\w-]{16,}", REDACTED, "sk-", "sk_", "rk-", "rk_", "pk-", "pk_"),
    _pattern(r"(?<![\w-])AIza[\w-]{30,}", REDACTED, "aiza"),
    _pattern(r"(?<![\w-])hv[sbr]\.[\w-]{20,}", REDACTED, "hvs.", "hvb.", "hvr."),
)
_ALL_HINTS = {hint for hints, _, _ in _PATTERNS for hint in hints}
HINTS = tuple(sorted(hint for hint in _ALL_HINTS if not any(other in hint for other in _ALL_HINTS - {hint})))
NEVER_SECRET = frozenset(
    ("timestamp", "level", "event", "error_id", "ticket_id", "attempt_id", "decision_id", "outcome", "verdict", "mode")
)
_known_keys: dict[str, bool] = {}  # whether each names a secret; few are ever used at the top of a line
_MOST_KEYS = 1000


def may_hold_a_secret(fields: Mapping[str, Any]) -> bool:
    """Whether it is worth looking: false for nearly all lines."""
    texts = []
    for key, value in fields.items():
        if key in NEVER_SECRET:
            continue
        if _is_or_may_hold(key):
            return True
        if type(value) is str:
            texts.append(value)
        elif type(value) is list and all(type(inner) is str for inner in value):
            texts += value
        elif type(value) not in _PLAIN:
            return True
    text = "\n".join(texts).lower()
    for hint in HINTS:  # noqa: SIM110  a generator would take twice as long
        if hint in text:
            return True
    return False


_PLAIN = frozenset((bool, int, float, type(None)))


def _is_or_may_hold(key: object) -> bool:
    """Whether a key names a secret, or has one in it."""
    if not isinstance(key, str):
        return True
    known = _known_keys.get(key)
    if known is not None:
        return known
    names_one = _names_a_secret(key) or redacted_text(key) != key
    if len(_known_keys) < _MOST_KEYS:
        _known_keys[key] = names_one
    return names_one


def redacted_text(text: str) -> str:
    lowered = text.lower()
    for hints, pattern, replacement in _PATTERNS:
        if any(hint in lowered for hint in hints):
            text = pattern.sub(replacement, text)
    return text


def redacted(value: Any) -> Any:
    """The same value without its secrets: mappings, lists and texts, however deep they are."""
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return dict(_entry(key, inner) for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return [redacted(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return redacted_text(representation(value))


def _entry(key: Any, value: Any) -> tuple[str, Any]:
    if not _is_or_may_hold(key):
        return key, redacted(value)
    name = str(key)
    is_empty = value is None or (isinstance(value, str) and not value)
    return redacted_text(name), REDACTED if _names_a_secret(name) and not is_empty else redacted(value)


def representation(value: object) -> str:
    """How a line shows what JSON has no way to write."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  somebody's own repr
        return f"<{type(value).__name__} without a repr>"


def _names_a_secret(key: str) -> bool:
    return _KEY.search(key) is not None
