"""Taking secrets out of texts before they leave the process.

What is looked for, and what stays of it:

    a value behind a telling key      password=hunter2, 'token': 'abc', api_key: x       password=[scrubbed]
    the same as a pair                ('password', 'hunter2'), (b'x-api-key', b'abc')        ('password', [scrubbed])
    headers that carry secrets        Authorization: ..., Cookie: ...                    Cookie: [scrubbed]
    credentials with a scheme         Bearer abc..., Basic abc...                        Bearer [scrubbed]
    passwords in addresses            redis://user:hunter2@host                          redis://user:[scrubbed]@host
    private keys, JSON web tokens, keys of well-known providers                          [scrubbed]
    payment cards                     13 to 19 digits that pass the check of Luhn        [scrubbed]
    e-mail addresses                  only where it is asked for                         [scrubbed]
    what the application names        keys and patterns of its own                       likewise

A secret that nothing tells from other text can't be found: the application's own hook (disclosure.py) is for those. Every
expression is linear in the length of the text, so that no text can hold up the application; scrubbing twice changes
nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

SCRUBBED = "[scrubbed]"

# Keys by the text that is looked for first, as most texts have none of them: an expression costs a hundred times as much.
_LONG_KEYS = {  # telling wherever they stand in a key
    "passw": r"passw(?:or)?d",
    "passphrase": "passphrase",
    "secret": "secret",
    "token": "token",
    "key": r"(?:api|access|private)[_-]?key",
    "authorization": "authorization",
    "credential": "credential",
    "cookie": "cookie",
    "session": r"session[_-]?id",
    "srf": "[cx]srf",
    "card": r"card[_-]?number",
    "security": r"security[_-]?code",
}
_SHORT_KEYS = ("pwd", "auth", "cvv", "cvc", "ssn", "pin", "iban", "sid", "jwt", "otp")  # only as words of their own
_HEADERS = re.compile(
    r"((?:proxy-)?authorization|(?:set-)?cookie)(\s{0,4}:\s{0,4})(?!\[scrubbed\])[^\s\"'][^\r\n\"']*", re.IGNORECASE
)
_SCHEMES = re.compile(r"\b(bearer|basic|digest)(\s{1,4})(?=[\w.~+/=-]*[\d=.+/])[\w.~+/=-]{8,}", re.IGNORECASE)
_ADDRESSES = re.compile(r"(?<=://)([^\s/:@\"']{0,128}):(?!\[scrubbed\])[^\s/@\"']{1,256}@")
_WELL_KNOWN = re.compile(
    r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|\Z)"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bxox[abeprs]-[\w-]{10,}|\b[rs]k_(?:live|test)_\w{10,}"
)
_WELL_KNOWN_SIGNS = ("-----BEGIN", "eyJ", "AKIA", "ASIA", "gh", "xox", "k_live_", "k_test_")
_CARDS = re.compile(r"\d(?:[ -]?\d){12,24}(?![\w-])")
_CARD_GROUPS = 5  # 4-4-4-4-3 is the longest that is printed
# A quote may be escaped, once or several times over, as JSON in JSON has it. The quote that ends a value is escaped as the one that
# begins it is; after an even number of backslashes it ends it too, where something follows that may stand behind a value.
_QUOTED = (
    r"[bru]?(?P<escapes>\\{1,15})?(?P<quote>[\"'])[^\n]*?"
    r"(?:(?<!\\)(?(escapes)(?P=escapes)?(?P=quote)|(?:(?P=quote)|(?:\\\\)+(?P=quote)(?=[\s,;:&)}\]]|\Z)))|(?=\n)|\Z)"
)
_VALUE = (
    r"((?:\\{0,15}[\"'])?\s{0,4}(?:=>|==?|:=?)\s{0,4}|\\{0,15}[\"']\s{0,4},\s{0,4}(?=[bru]?\\{0,15}[\"']))"
    rf"(?![=>]?\s{{0,4}}\[scrubbed\])(?:{_QUOTED}|[^\s\"',;&)}}\]]+)"
)
_EMAILS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")


class Scrubber:
    """Scrubs texts and attributes. `keys` are parts of keys, whatever their case; `patterns` are regular expressions.

    Raises re.error for a pattern that is none.
    """

    def __init__(self, keys: Sequence[str] = (), patterns: Sequence[str] = (), *, scrubs_emails: bool = False) -> None:
        telling = {**_LONG_KEYS, **{key.lower(): re.escape(key) for key in keys}}
        words = {key: rf"(?<![^\W_]){key}(?![^\W_])" for key in _SHORT_KEYS}
        self._key = re.compile("|".join((*telling.values(), *words.values())), re.IGNORECASE)
        self._keyed = [
            *((sign, re.compile(rf"({key}[\w-]{{0,32}}){_VALUE}", re.IGNORECASE)) for sign, key in telling.items()),
            *((sign, re.compile(rf"({word}){_VALUE}", re.IGNORECASE)) for sign, word in words.items()),
        ]
        self._patterns = [re.compile(pattern) for pattern in patterns]
        self._scrubs_emails = scrubs_emails

    def text(self, text: str) -> str:
        """`text` without what looks like a secret."""
        for pattern in self._patterns:
            text = pattern.sub(SCRUBBED, text)
        if any(sign in text for sign in _WELL_KNOWN_SIGNS):
            text = _WELL_KNOWN.sub(SCRUBBED, text)
        if "://" in text:
            text = _ADDRESSES.sub(rf"\1:{SCRUBBED}@", text)
        if self._scrubs_emails and "@" in text:
            text = _EMAILS.sub(SCRUBBED, text)
        return _CARDS.sub(_without_card, self._without_keyed(text))

    def value(self, key: str, text: str) -> str:
        """The value of an attribute: nothing of it where the key tells that it is a secret."""
        return SCRUBBED if self._key.search(key) else self.text(text)

    def _without_keyed(self, text: str) -> str:
        lower = text.lower()
        if "authorization" in lower or "cookie" in lower:
            text = _HEADERS.sub(rf"\1\2{SCRUBBED}", text)
        if "bearer" in lower or "basic" in lower or "digest" in lower:
            text = _SCHEMES.sub(rf"\1\2{SCRUBBED}", text)
        for sign, keyed in self._keyed:
            if sign in lower:
                text = keyed.sub(rf"\1\2{SCRUBBED}", text)
        return text


@functools.cache
def scrubber(keys: tuple[str, ...], patterns: tuple[str, ...], scrubs_emails: bool) -> Scrubber:
    """The one for these; expressions are compiled once."""
    return Scrubber(keys, patterns, scrubs_emails=scrubs_emails)


def _without_card(found: re.Match[str]) -> str:
    """A row of digits without the card in it: some of its groups, as there may be other numbers before and behind."""
    before = found.string[max(0, found.start() - 1) : found.start()]
    if before and (before.isalnum() or before in "_.-"):
        return found[0]
    groups = list(re.finditer(r"\d+", found[0]))
    for first, begin in enumerate(groups):
        if begin[0][0] not in "23456":
            continue
        for end in groups[first : first + _CARD_GROUPS]:
            digits = [int(char) for char in found[0][begin.start() : end.end()] if char.isdigit()]
            if 13 <= len(digits) <= 19 and _passes_luhn(digits):
                return found[0][: begin.start()] + SCRUBBED + found[0][end.end() :]
    return found[0]


def _passes_luhn(digits: Sequence[int]) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
