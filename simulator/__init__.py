"""A stand-in for ARM, ACR, Arc and Kubernetes over HTTP on the loopback address.

The real clients talk to it unchanged. It knows no product that uses it: a simulator that shared code with
the product would share its mistakes. Start one with `python -m simulator`, or with `running` in a test.
"""

from simulator.running import Simulator, running

__all__ = ["Simulator", "running"]
