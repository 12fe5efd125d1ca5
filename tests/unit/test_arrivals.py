"""What pods prove: the kubelet's own pull is evidence of what the site served."""

import pytest
from examples import DIGEST, container, deployment, pod

from arcfleet.core.names import ImageRef
from arcfleet.core.pulled import digest_of, place_of
from arcfleet.core.sync.arrivals import Answer, Served, answer

IMAGE = ImageRef("app/web", "stable")
OLD = f"sha256:{'cd' * 32}"
PLACE = "10.96.0.50/app/web"
PINNED, TAGGED = f"{PLACE}@{DIGEST}", f"{PLACE}:stable"
MISSING = "manifest unknown: not found"


def running(image: str = PINNED, digest: str = DIGEST, **values):
    return container(image=image, **{"image_id": f"{PLACE}@{digest}", "ready": True, **values})


def pulling(image: str, message: str):
    return container(image=image, waiting_reason="ImagePullBackOff", waiting_message=message)


RUNS, RUNS_OLD = Answer(Served.DIGEST, DIGEST, "pod web-1 runs it"), Answer(Served.DIGEST, OLD, "pod web-1 runs it")
CASES = {
    "it runs": ([running()], False, RUNS),
    "it runs, and another container fails": ([pulling(PINNED, MISSING), running()], False, RUNS),
    "it runs under its tag": ([running(TAGGED)], False, RUNS),
    "not ready": ([running(ready=False)], False, None),
    "from elsewhere": ([running(image_id=f"mirror.example.com/app/web@{DIGEST}")], False, None),
    "another repository": ([running("10.96.0.50/app/api:1", image_id=f"10.96.0.50/app/api@{DIGEST}")], False, None),
    "an older digest that is pinned tells nothing of the new one": ([running(f"{PLACE}@{OLD}", OLD)], False, None),
    "an older digest under the tag": ([running(TAGGED, OLD)], True, RUNS_OLD),
    "missing": ([pulling(PINNED, MISSING)], False, Answer(Served.MISSING, "", f"kubelet of pod web-1: {MISSING}")),
    "missing under its tag": (
        [pulling(TAGGED, MISSING)], False, Answer(Served.MISSING, "", f"kubelet of pod web-1: {MISSING}"),
    ),
    "an older one is missing": ([pulling(f"{PLACE}@{OLD}", MISSING)], False, None),
    "refused": (
        [pulling(PINNED, "401 Unauthorized")], False,
        Answer(Served.REFUSED, "", "kubelet of pod web-1: 401 Unauthorized"),
    ),
    "not reached": ([pulling(PINNED, "connection refused")], False, None),
    "nothing said": ([pulling(PINNED, "")], False, None),
    "waiting for something else": ([container(image=PINNED, waiting_reason="ContainerCreating")], False, None),
    "no containers": ([], True, None),
}  # fmt: skip


@pytest.mark.parametrize(("containers", "by_tag", "expected"), CASES.values(), ids=CASES)
def test_pods_tell_what_the_site_served(containers, by_tag, expected):
    assert answer("10.96.0.50", IMAGE, DIGEST, (None, deployment(pod(*containers))), pulled_by_tag=by_tag) == expected


REFERENCES = {
    "10.96.0.50/app/web:1": ("10.96.0.50/app/web", ""),
    "10.96.0.50:443/app/web:1@sha256:aa": ("10.96.0.50:443/app/web", "sha256:aa"),
    "docker-pullable://10.96.0.50/app/web@sha256:aa": ("10.96.0.50/app/web", "sha256:aa"),
    "web": ("web", ""),
    "sha256:aa": ("sha256", ""),
    "": ("", ""),
}


@pytest.mark.parametrize(("text", "parts"), REFERENCES.items(), ids=list(REFERENCES))
def test_references_are_taken_apart(text, parts):
    assert (place_of(text), digest_of(text)) == parts
