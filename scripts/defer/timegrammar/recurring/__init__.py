"""What comes again and again: its rules, its bounds, its series of instants."""
