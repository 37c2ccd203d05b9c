"""python -m melmill is the program melmill."""

import os
import sys

from melmill import __version__
from melmill._extract.program import find_program

NO_PROGRAM = f"""\
error: melmill {__version__} is installed as the reader alone, without the
program.
There is a wheel with the program for Linux on x86-64 (glibc 2.34 or later).
Elsewhere build the program from source: docs/install.md."""


def main() -> int:
    program = find_program()
    if program is None:
        print(NO_PROGRAM, file=sys.stderr)
        return 2
    os.execv(program, [str(program), *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
