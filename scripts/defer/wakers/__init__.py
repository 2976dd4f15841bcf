"""What wakes Defer: cron."""
