"""`arcfleet bridge`: pushes come in by HTTP, and go to Prefect."""
