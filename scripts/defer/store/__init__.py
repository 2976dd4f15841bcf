"""Where tasks, run records and what has ended are kept."""
