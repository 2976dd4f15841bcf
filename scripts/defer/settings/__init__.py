"""Configuration, and which values are secret."""
