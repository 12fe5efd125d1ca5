"""A workload's Kubernetes objects: what is applied, and what of it others have changed."""
