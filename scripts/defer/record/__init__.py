"""The record of a task and its transitions. Nothing here knows a clock or a disk."""
