"""What the installed scripts call.

The program runs them as its subcommands: `melmill qwen3-asr` is the script
melmill-qwen3-asr.
"""

import os
import sys
from collections.abc import Callable

from melmill import __version__
from melmill._stage.stage_command import main as stage_main
from melmill._transfer.pull_command import main as pull_main
from melmill._transfer.push_command import main as push_main


def qwen3_asr() -> int:
    """melmill-qwen3-asr: melmill.qwen3_asr.main, if PyTorch is there."""
    try:
        from melmill.qwen3_asr import main
    except ModuleNotFoundError as error:
        return _lacks(
            error, "qwen3-asr", extra="qwen3-asr", page="docs/training.md"
        )
    return main()


def certify() -> int:
    """melmill-certify: melmill._certify.certify_command.main."""
    try:
        from melmill._certify.certify_command import main
    except ModuleNotFoundError as error:
        return _lacks(
            error, "certify", extra="whisper", page="docs/training.md"
        )
    return main(__version__)


def ray() -> int:
    """melmill-ray: melmill.ray.main, if Ray is there."""
    try:
        from melmill.ray import main
    except ModuleNotFoundError as error:
        return _lacks(error, "ray", extra="ray", page="docs/many-machines.md")
    return main()


def report() -> int:
    """melmill-report: the report's main, if matplotlib and Jinja2 are there."""
    try:
        from melmill._report.report_command import main
    except ModuleNotFoundError as error:
        return _lacks(error, "report", extra="report", page="docs/report.md")
    return main()


def stage() -> None:
    """melmill-stage: melmill._stage.stage_command.main."""
    _end_with(stage_main)


def push() -> None:
    """melmill-push: melmill._transfer.push_command.main."""
    _end_with(push_main)


def pull() -> None:
    """melmill-pull: melmill._transfer.pull_command.main."""
    _end_with(pull_main)


def _lacks(
    error: ModuleNotFoundError, command: str, *, extra: str, page: str
) -> int:
    """Says which package a command needs, and returns the exit code."""
    print(
        f"error: melmill-{command} needs the package {error.name}; install "
        f"melmill with the extra {extra} ({page})",
        file=sys.stderr,
    )
    return 2


def _end_with(main: Callable[[], int]) -> None:
    exit_code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)  # without waiting for threads that wait for a server
