"""arcfleet: Azure's connected registry on a fleet of Arc-enabled Kubernetes clusters."""

__version__ = "0.1.0"
