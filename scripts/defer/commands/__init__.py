"""The command line: each file is a command, which parses, calls one use case and prints."""
