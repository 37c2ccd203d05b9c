"""How faults of servers and networks are waited for."""

from __future__ import annotations

import dataclasses
import itertools
import random
import threading
from collections.abc import Callable
from typing import TypeVar

from melmill._remote.remote_error import RemoteFaultError

_Result = TypeVar("_Result")


class StoppingError(Exception):
    """The work was given up because all work stops."""


@dataclasses.dataclass(frozen=True)
class Patience:
    """How often something is tried, and how long is waited in between.

    Attributes:
      num_tries: The most tries.
      first_wait_s: Wait behind the first try, in seconds; it doubles each time.
        A part of it is random, so that not all threads come back together.
      max_wait_s: Longest wait, also if the server asks for a longer one.
    """

    num_tries: int = 7
    first_wait_s: float = 1
    max_wait_s: float = 600

    def try_until_done(
        self, attempt: Callable[[], _Result], stopping: threading.Event
    ) -> _Result:
        """Calls `attempt` until it raises no fault that can pass.

        Raises:
          RemoteFaultError: The fault lasts.
          StoppingError: `stopping` was set; no attempt begins after that.
        """
        wait_s = self.first_wait_s
        for num_tries in itertools.count(1):
            if stopping.is_set():
                break
            try:
                return attempt()
            except RemoteFaultError as error:
                if not error.can_pass:
                    raise
                if num_tries == self.num_tries:
                    raise RemoteFaultError(
                        f"{error} (tried {num_tries} times)",
                        status=error.status,
                    ) from error
                asked_s = error.retry_after_s
            longest_s = max(wait_s * random.uniform(0.5, 1), asked_s)
            if stopping.wait(min(longest_s, self.max_wait_s)):
                break
            wait_s *= 2
        raise StoppingError
