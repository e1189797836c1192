"""
A gRPC server that takes faults as fast as the wire brings them: HTTP/2 (RFC 9113) and gRPC over it, in bytes.

    server.py             listens, drains, and looks after idle and stalled connections
    protocol.py           a connection's socket and timers: uvloop calls it with bytes, it writes once per wake-up
      calls.py            gRPC in: which method, who may, unary calls at once
        running_calls.py  the calls that take longer: what is kept for them, how they end (running.py: one of them)
        call_tasks.py     what their tasks do, each in its turn (task_turns.py)
        answers.py        gRPC out: headers, messages, statuses
      connection.py       HTTP/2 in: bytes to frames, each to its handler
        request_frames.py   HEADERS, CONTINUATION: requests and trailers
        body_frames.py      DATA: bodies, and the windows that we give
        control_frames.py   the others
        leaving.py          goodbyes, ours and the peer's
        streams.py        which streams there are, what may come on which, how they end (stream.py: one of them)
          outgoing.py     HTTP/2 out: frames made, flow control kept, what can't be sent yet kept in order

The formats: frames.py, header_blocks.py, request_head.py, messages.py, deadlines.py, statuses.py. What a peer may do: limits.py,
nuisance.py, turn.py; who it is: transport.py. Between HTTP/2 and gRPC: receiver.py. What a server's connections have in common: common.py.
A method and its call: served.py, wire_call.py; those of servicers from protoc: generated.py, context.py, blocking.py.

`connection.py` and all below it are a state machine: no socket, no clock, no task; bytes and the time go in, bytes and calls of the
receiver come out. So each rule of the RFC is a table's row in tests/rpc/wire.

Why not grpc.aio: it makes some 35 system calls and several thread switches a call, ten times what the wire needs. The price of a server
of our own is that it must never accept what the RFC forbids, and that no peer may make it keep memory or time without bound:
limits.py says what each limit is for.
"""
