"""Where the program is that a wheel with the program installs."""

import os
import sysconfig
from pathlib import Path


def find_program() -> Path | None:
    """The program that was installed with this package, or None.

    A wheel puts it into the folder of scripts: of the environment, of the user
    (`pip install --user`), or of the folder that `pip install --target` names.
    """
    folders = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", f"{os.name}_user"),
        str(Path(__file__).parents[2] / "bin"),
    ]
    for folder in folders:
        path = Path(folder, "melmill")
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None
