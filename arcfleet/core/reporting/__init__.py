"""What people and machines read of a run: report, page, live view, events, commands to type."""
