"""Sync credentials and client tokens: when a password is generated, into which slot, and what is remembered of it."""
