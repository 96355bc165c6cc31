"""Which machine this is, and whether one of its processes is still running."""

from __future__ import annotations

import os
import re
import socket
import sys

LONGEST_NAME = 40


def host_name() -> str:
    """Name of this machine, of letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", socket.gethostname())[:LONGEST_NAME] or "host"


def is_running(pid: int) -> bool:
    """Whether another process of this machine is running.

    Args:
        pid: its number. This process's own counts as gone: in a container every run has the same
            number, and what this one is writing it does not look for.
    """
    return pid != os.getpid() and _exists(pid)


if sys.platform == "win32":  # there os.kill would end the process

    def _exists(pid: int) -> bool:
        import ctypes

        query_limited_information, still_active = 0x1000, 259
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(query_limited_information, False, pid)
        if not handle:
            return False
        status = ctypes.c_ulong()
        known = kernel.GetExitCodeProcess(handle, ctypes.byref(status))
        kernel.CloseHandle(handle)
        return not known or status.value == still_active

else:

    def _exists(pid: int) -> bool:
        try:
            os.kill(pid, 0)  # asks only
        except (ProcessLookupError, OverflowError):
            return False
        except OSError:  # of another user
            return True
        return True
