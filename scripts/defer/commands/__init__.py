"""The command line: each file is a command, which parses, calls one use case and prints.

Here is what both of its readers of flags (``glance`` and ``flags``) go by.
"""

ALIASES = {"--prompt-template": "--prompt", "--max-retries": "--retries", "--schedule": "--when"}
"""What else a flag may be called: as v1 called it, or as task files call what it sets."""
SELECTING = ("cancel", "pause", "resume")
"""The commands that may be told a label instead of ids."""
