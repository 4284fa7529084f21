"""Runs commands for the benchmark and accounts for each: a process of its own, because it must be small.

In (stdin, marshalled): (words, folder, environment, file for stdout, file for stderr).  Out (stdout, marshalled): the process id at
once, then (status, user seconds, system seconds, wall seconds, peak KiB).  A child's peak starts at the size of the process that
forked it: behind this one, which imports next to nothing, even a bare interpreter shows its own.
"""

import marshal
import os
import sys
from time import perf_counter

try:
    from resource import RLIMIT_STACK, getrlimit, setrlimit
# This system has no limits.
except ImportError:
    RLIMIT_STACK = -1
# C++ Nix recurses on the C stack.
STACK_BYTES = 64 << 20


def start(words, folder, environment, output, errors):
    """Never returns: becomes the command."""
    os.setpgid(0, 0)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
    if RLIMIT_STACK >= 0:
        most = getrlimit(RLIMIT_STACK)[1]
        setrlimit(RLIMIT_STACK, (STACK_BYTES if most < 0 else min(STACK_BYTES, most), most))
    os.execvpe(words[0], words, environment)


def main():
    source, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            request = marshal.load(source)
        except EOFError:
            return
        started = perf_counter()
        child = os.fork()
        if child == 0:
            try:
                start(*request)
            except OSError as error:
                os.write(2, f"{request[0][0]}: {error.strerror}\n".encode())
            os._exit(127)
        marshal.dump(child, answers)
        answers.flush()
        _, status, usage = os.wait4(child, 0)
        marshal.dump((status, usage.ru_utime, usage.ru_stime, perf_counter() - started, usage.ru_maxrss), answers)
        answers.flush()


main()
