"""The plan of a site and of a fleet: what differs, what is done about it, what it needs first."""
