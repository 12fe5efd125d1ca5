"""Prefect tasks: each wraps one step of `arcfleet.steps` in a few lines, one module per step of the article."""
