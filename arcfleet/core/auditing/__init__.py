"""The audit of a site and of a fleet: what was changed behind our back."""
