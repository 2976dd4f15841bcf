"""What an attempt finds around it that is not its task's: the caller's umask."""

from __future__ import annotations

callers_umask = -1
"""The umask of whoever called this process, for executors: ours is 077. -1 is the process's own."""
