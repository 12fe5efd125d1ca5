"""Rehearsals of fleets of any size."""

from __future__ import annotations

import subprocess
import sys

import yaml

from simulator import running
from tests.conftest import SUBSCRIPTION, environment_of


def test_a_process_can_be_started_for_a_rehearsal_of_a_thousand_sites(tmp_path):
    clusters = [{"name": f"k-s{i}", "resourceGroup": "rg", "subscription": SUBSCRIPTION} for i in range(1, 1001)]
    with running({"clusters": clusters}) as sim:
        environment = environment_of(sim, tmp_path)
    subprocess.run([sys.executable, "-c", ""], env=environment, check=True)

    contexts = yaml.safe_load((tmp_path / "kubeconfig").read_text())["contexts"]
    assert environment["ARCFLEET_KUBECONFIG"] == str(tmp_path / "kubeconfig")
    assert [context["name"] for context in contexts[:2]] == ["k-s1", "k-s2"]
    assert len(contexts) == 1000
