"""The coding agents that Defer can start, one module each: what is started, and how what it prints reads."""
