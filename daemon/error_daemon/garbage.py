"""The garbage collector of the daemon and of its workers: it looks at what is new, and never again at what stayed.

Python frees what nobody refers to at once; the collector is only there for cycles, of which hardly any are made here. It finds them by
walking through everything that has grown since it last did, and each walk is a pause: 0.25 µs an object, or 2.5 s with a million errors
known, in which no recovery begins. So

    each 5,000 new objects that stayed      are looked at: a pause of 1 to 2 ms
    each 50,000                             are looked at once more (10 to 15 ms), and then *frozen*: nobody looks at them again

However many errors are known, no pause is longer. The price: a cycle that was alive when it was frozen, and dies later, is never freed.
There are few (connections that were open then), and it takes 50,000 objects that stay, some 12 MB, to freeze them: a few per cent of
what has grown anyway.

Python's documentation of `gc.freeze` says what that does; `gc.callbacks` tell when a collection has ended.
"""

from __future__ import annotations

import gc
from typing import Any

_NEW, _TIMES_NEW = 5_000, 10
_NEVER = 1_000_000  # collections of the middle generation until all is walked through, of which nothing is left by then
_MIDDLE = 1


def tame() -> None:
    """From now on it keeps to the above. What is there by now stays for good. Once a process, when everything is imported."""
    gc.freeze()
    gc.set_threshold(_NEW, _TIMES_NEW, _NEVER)
    gc.callbacks.append(_ended)


def _ended(phase: str, facts: dict[str, Any]) -> None:
    if phase == "stop" and facts["generation"] >= _MIDDLE:
        gc.freeze()
