"""A wake, and the attempts it looks after."""
