"""Task files, and jobs of other tools, as files."""
