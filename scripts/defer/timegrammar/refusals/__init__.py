"""Why an expression is refused, and what would work."""
