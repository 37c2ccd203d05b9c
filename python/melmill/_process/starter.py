"""Starts the program so that it does not outlive the thread that called it.

Ray carries this module to the nodes, which may lack this package. It may
therefore import nothing but the standard library.
"""

from __future__ import annotations

import os
import sys

# Runs the program in its own place, once the kernel has promised to send
# SIGTERM when the worker dies. The worker may have died before that promise.
_STARTER = """
import ctypes, os, signal, sys
parent, program, *arguments = sys.argv[1:]
PR_SET_PDEATHSIG = 1
if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM)):
    sys.exit("error: prctl refuses PR_SET_PDEATHSIG")
if os.getppid() != int(parent):
    sys.exit(128 + signal.SIGTERM)
os.execv(program, [program, *arguments])
"""


def starter() -> list[str]:
    """What precedes the program and its arguments in a command.

    The program gets SIGTERM when the calling thread dies.
    """
    return [sys.executable, "-I", "-S", "-c", _STARTER, str(os.getpid())]
