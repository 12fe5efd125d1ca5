"""Resource quantities: `500m`, `8Gi`."""

import re

_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_UNITS |= {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


def quantity(text: str | float) -> float:
    """Return the number that a resource quantity stands for."""
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    return float(found[1]) * _UNITS.get(found[2], 1.0) if found else 0.0
