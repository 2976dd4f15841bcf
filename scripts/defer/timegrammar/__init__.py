"""What time expressions mean, behind ``timeparse`` and ``recurrence``: the grammar and its rooms, all pure."""
