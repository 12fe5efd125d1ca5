"""Images on their way to sites: pushes, schedules, and what proves that one has arrived."""
