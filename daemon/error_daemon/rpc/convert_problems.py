"""What is wrong in definitions, as messages."""

from __future__ import annotations

from error_daemon.errors import Problem
from error_recovery.v1 import recovery_pb2


def problem_message(problem: Problem) -> recovery_pb2.DefinitionProblem:
    return recovery_pb2.DefinitionProblem(
        file=problem.file,
        line=problem.line,
        column=problem.column,
        message=problem.message,
        mend=problem.mend,
        width=problem.width,
        text=problem.text,
        is_warning=problem.is_warning,
    )
