"""The ways a notice takes to somebody: what DEFER_NOTIFY names."""
