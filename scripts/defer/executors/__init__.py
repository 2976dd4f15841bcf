"""The programs of ours that take a task: what is started, and what came of it."""
