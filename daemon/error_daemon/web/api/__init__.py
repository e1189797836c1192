"""REST: methods of gRPC over HTTP and JSON, for who speaks no gRPC. No logic of its own.

endpoints.py   the table: verb, path, method
reading.py     path, query and body → the request's message
writing.py     the answer's message → JSON
unary.py       one request of one method as an exchange.Route
api.py         all of it together
"""
