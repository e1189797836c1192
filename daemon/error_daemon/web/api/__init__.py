"""REST: methods of gRPC over HTTP and JSON, for who speaks no gRPC. No logic of its own.

endpoints.py   the table: verb, path, method
reading.py     path, query and body → the request's message
writing.py     the answer's message → JSON
fields.py      what both ask of descriptors
unary.py       one request of one method as an exchange.Route
caching.py     tags of answers
events.py      the stream of one method; feed.py: what all its readers share
limits.py      what fields may be where that is less than their type
openapi.py     the description of all that, written to openapi.json by `make openapi`; served_openapi.py: its path
api.py         all of it together
"""
