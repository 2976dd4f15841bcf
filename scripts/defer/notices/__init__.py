"""Who is told of what happened: which events, by which way, and what became of it."""
