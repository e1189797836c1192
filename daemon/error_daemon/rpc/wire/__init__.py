"""
A gRPC server that takes faults as fast as the wire brings them: HTTP/2 (RFC 9113) and gRPC over it, in bytes.

    protocol.py      a connection's socket and timers: uvloop calls it with bytes, it writes once per wake-up
      calls.py       gRPC: messages, the four shapes of call, deadlines, statuses
        connection.py   HTTP/2 in: bytes to frames, each to its handler
          streams.py        which streams there are, what may come on which, how they end
          request_frames.py body_frames.py control_frames.py leaving.py   what a peer may do and what it may not
        outgoing.py     HTTP/2 out: frames made, flow control kept, what can't be sent yet kept in order
    server.py        listens, drains, and looks after idle and stalled connections

`connection.py` and `outgoing.py` are a state machine: no socket, no clock, no task; bytes and the time go in, bytes and calls of
the receiver come out. So each rule of the RFC is a table's row in tests/rpc/wire.

Why not grpc.aio: it makes some 35 system calls and several thread switches a call, ten times what the wire needs. The price of a server
of our own is that it must never accept what the RFC forbids, and that no peer may make it keep memory or time without bound:
limits.py says what each limit is for.
"""
