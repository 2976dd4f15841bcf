"""What the records say when they are read against each other."""
