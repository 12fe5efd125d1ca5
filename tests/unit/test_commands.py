"""Commands carry the site's real names."""

import pytest
from examples import site

from arcfleet.core.commands import addressed
from arcfleet.core.findings import Finding, Verdict
from arcfleet.core.reasons import Reason
from arcfleet.core.verdicts import extension, pods, registry

HERE = site(kube="{context: k}", clientToken="pull")
RULES = [remedy for *_, remedy in extension.FAILURES] + [remedy for *_, remedy in pods.PULL_ERRORS]


def about(remedy: str) -> Finding:
    return Finding(Verdict.FAILED, Reason.DISK, "x", "m", remedy=remedy)


@pytest.mark.parametrize("remedy", [*RULES, registry.LOOK, extension.SHOW], ids=range(len(RULES) + 2))
def test_no_place_for_a_name_is_left_open(remedy):
    found = addressed(about(remedy), HERE).remedy

    assert "{" not in found
    assert "kubectl" not in found.replace("kubectl --context k --namespace connected-registry ", "")


def test_names_are_those_of_the_site():
    found = addressed(
        about("{registry} {cr} {cluster} {group} {extension} {token} kubectl get x {other}"), HERE, "shop"
    )

    assert found.remedy == (
        "acreu1 berlinplant k-berlin rg-arc berlinplant pull kubectl --context k --namespace shop get x {other}"
    )


def test_without_a_context_kubectl_uses_its_own():
    assert addressed(about("kubectl get x"), site()).remedy == "kubectl --namespace connected-registry get x"
