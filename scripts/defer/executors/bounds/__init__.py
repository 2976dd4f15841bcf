"""How each coding agent is held to what a task allows it: by its own mechanism, and against its user's own settings."""
