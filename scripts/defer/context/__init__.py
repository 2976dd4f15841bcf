"""A CONTEXT.md: where it lies and what it says."""
