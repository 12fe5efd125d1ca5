"""How hypothesis runs here: the same examples every time, no stopwatch, nothing left on disk."""

from hypothesis import settings

settings.register_profile("unit", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("unit")
