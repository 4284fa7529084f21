# cython: language_level=3
"""Python functions that the machine calls.

In: the number of a function, a list of its arguments.  Out: its value, or its exception.  The exception is kept, and the machine's error has its
number, so that the caller of the machine gets the exception itself (`Runner.check`).  A function may use the machine while it runs.
"""
from libc.stdint cimport uint64_t

from snowsnake.building cimport build
from snowsnake.handle cimport make_handle
from snowsnake.machine.errors cimport raise_bytes
from snowsnake.machine.state cimport ERROR_PYTHON, Machine, RAISE, TAIL
from snowsnake.machine.word cimport Word, list_items, list_size
from snowsnake.runner cimport Runner

from snowsnake.diagnostics.catalogue import CATALOGUE
from snowsnake.diagnostics.error import EvaluationError

_CODES = {entry.name: number for number, entry in enumerate(CATALOGUE)}


cdef int _call(Machine* m, Word number) noexcept with gil:
    return call(<Functions>m.foreign, m, number >> 11)


cdef class Functions:
    """The functions of one machine.  A function takes a list of handles, and returns plain data (building.pyx)."""

    cdef Runner evaluator
    cdef list functions

    def __cinit__(self, Runner evaluator not None):
        self.evaluator = evaluator
        self.functions = []

    def __reduce__(self):
        raise TypeError("functions belong to their evaluator")

    def add(self, function):
        """Adds a function and returns its number."""
        self.functions.append(function)
        return len(self.functions) - 1


def functions_of(Runner evaluator not None):
    """The functions of a machine, made when they are first needed."""
    cdef Functions made
    if evaluator.functions is None:
        made = Functions(evaluator)
        evaluator.machine().foreign = <void*>made
        evaluator.functions = made
        evaluator.m.call_foreign = _call
    return evaluator.functions


cdef int call(Functions functions, Machine* m, uint64_t number) noexcept:
    cdef Runner evaluator = functions.evaluator
    cdef Word given = m.sp[-1]
    cdef uint64_t i
    try:
        evaluator.free_released()
        handles = [make_handle(evaluator, list_items(given)[i]) for i in range(list_size(given))]
        evaluator.begin_callback()
        try:
            plain = functions.functions[number](handles)
        finally:
            evaluator.end_callback()
        m.result = build(evaluator, plain)
        return TAIL
    except BaseException as error:
        # No exception may pass through C code.
        return keep_fault(evaluator, error)


cdef int keep_fault(Runner evaluator, object error) noexcept:
    """Keeps the exception, and raises the machine's error for it."""
    cdef Machine* m = evaluator.m
    cdef bytes message
    cdef int code = ERROR_PYTHON
    try:
        if isinstance(error, EvaluationError):
            code = _CODES.get(error.code, ERROR_PYTHON)
            message = str(error.message).encode("utf-8", "surrogateescape")
        else:
            text = str(error)
            message = (type(error).__name__ + (": " if text else "") + text).encode("utf-8", "surrogateescape")
    except BaseException:
        # The `__str__` of the exception raised another exception.
        message = type(error).__name__.encode("utf-8", "replace")
    evaluator.fault = error
    evaluator.fault_number += 1
    raise_bytes(m, code, <const char*>message, len(message))
    m.error.exception = evaluator.fault_number
    return RAISE
