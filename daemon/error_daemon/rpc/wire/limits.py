"""
What one peer, and all of them together, may make the server keep or do. Each limit with its reason.

A peer that goes beyond is told so by the protocol's own means: a call is refused with RESOURCE_EXHAUSTED, a stream with REFUSED_STREAM,
and a peer that only makes work is sent away with GOAWAY ENHANCE_YOUR_CALM.
"""

from __future__ import annotations

from dataclasses import dataclass

_KIB = 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class WireLimits:
    """`max_message_bytes`: the largest message, also after decompression."""

    max_message_bytes: int

    # --- one connection
    streams: int = 256  # calls at once: each may hold a message
    frame_bytes: int = 256 * _KIB  # larger frames are fewer; a message of 4 MiB is 16 of them
    stream_window: int = 256 * _KIB  # what a call may send before its servicer has taken something
    connection_window: int = 4 * _MIB
    # fields of a request: name, value and 32 each (RFC 9113, 6.5.2). gRPC's own default
    header_list_bytes: int = 8 * _KIB
    # compressed, over all its frames; it must be decoded even where its call is refused
    header_block_bytes: int = 12 * _KIB
    continuations: int = 8  # frames of one header block beyond the first: CONTINUATION floods cost frames, not bytes
    # messages that aren't whole or not taken yet, over all its calls; beyond it, a call is refused
    held_bytes: int = 16 * _MIB
    unsent_bytes: int = 16 * _MIB  # answers that the peer doesn't take; beyond it, the peer is sent away

    # --- work that brings nothing. Burst and rate as nghttp2 has them for stream resets (1000, 33/s); one budget for all
    # such frames: resets, pings, settings, priorities, empty frames, refused streams
    nuisances: int = 1000
    nuisances_per_s: float = 100.0

    # --- fairness: what one peer may keep the others waiting. What has come beyond it is gone on with after they had their turn
    turn_s: float = 0.0005
    frames_a_turn: int = 256  # a message and 4 KiB of an answer count, too

    # --- time
    greeting_s: float = 10.0  # from the connection to its preface and settings
    idle_ping_s: float = 60.0  # nothing heard for so long: a ping
    answer_s: float = 20.0  # a ping or a full socket not moved for so long: the peer is gone
    request_s: float = 60.0  # a unary request that isn't whole, an answer that isn't taken

    # --- all connections
    connections: int = 1024
    # Whatever is held for a peer: of both kinds above, half frames, header fields, each open call. Beyond it, the peer that holds most is
    # sent away, and not whoever comes next.
    all_held_bytes: int = 128 * _MIB
