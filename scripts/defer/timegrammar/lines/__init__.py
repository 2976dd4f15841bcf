"""A ``::defer`` line cut into its time and its text."""
