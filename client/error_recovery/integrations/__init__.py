"""What applications are built with, each in a module of its own, which imports it.

    starlette, fastapi    ErrorRecoveryMiddleware          what escapes a route, or was answered with 500
    flask, django         init_app; ErrorRecoveryMiddleware
    celery                init_app                         what a task failed with
    grpc                  interceptors of servers          what a method raised
    logging, structlog    FaultHandler; report_errors      errors that are logged

All report to the shared reporter (`install` or `configure`); a fault has the route, task or method as its operation, never a path with its
values, and the request's id as an attribute. Nothing of a request's headers (but that id), query or body is told.
"""
