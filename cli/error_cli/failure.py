"""How error-cli ends. These numbers are stable: scripts depend on them.

    0    done
    1    the answer is a no: `report --wait` saw the error end otherwise than resolved or ran out of time, `validate`
         found errors, `diagnose` found something bad, `tune` could not set or put back something, `hooks test` did not
         arrive, or a question such as "forget everything learned?" was answered with no
    2    usage: the command line is wrong, nothing was asked of the daemon
    3    no daemon answers at the address
    4    what was named is not known to the daemon
    5    refused by the daemon: bad input, not possible in the present state, or not known to this version of it
    6    try again later: the daemon is too busy, too slow, or went away in the middle
    130  ended by Ctrl-C

A reader that goes away (`error-cli history | head`) ends error-cli by SIGPIPE, as it does every Unix tool.
"""

from __future__ import annotations

from enum import IntEnum

from error_cli.lines import note


class Exit(IntEnum):
    DONE = 0
    NO = 1
    USAGE = 2
    NO_DAEMON = 3
    NOT_FOUND = 4
    REFUSED = 5
    LATER = 6
    INTERRUPTED = 130


EXIT_CODES = """\b
Exit codes:
  0 done                   4 not found
  1 the answer is a no     5 refused by the daemon
  2 usage                  6 try again later
  3 no daemon answers    130 ended by Ctrl-C"""


class Failure(Exception):
    """Ends the command with `code`. The first sentence says what is wrong, the others how to mend it."""

    def __init__(self, code: Exit, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.code = code
        self.sentences = sentences

    def show(self) -> None:
        """Print the sentences on standard error."""
        first, *others = self.sentences
        note(f"error-cli: {first}")
        for sentence in others:
            note(f"  {sentence}")
