"""The gRPC server and its services."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # before grpc is loaded: what concerns an operator is in our own log
