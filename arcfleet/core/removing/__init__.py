"""The removal of a site and of a fleet: what goes, in which order, and what is kept."""
