"""Which sites a push concerns."""

import pytest
from examples import DIGEST, FLEET, HEAD, LOGIN_SERVER, NOW, REGISTRY_ID, SITE, facts, fleet
from fakes import gateways, port

from arcfleet.core.names import ImageRef
from arcfleet.core.reasons import Reason
from arcfleet.core.sync import affected
from arcfleet.core.sync.pushes import Arrived, Push
from arcfleet.errors import PermanentError
from arcfleet.steps import pushed

STABLE = ImageRef("app/web", "stable")


def of(*workloads: str):
    lines = "".join(f"      - {{{line}}}\n" for line in workloads)
    return fleet(f"{FLEET}    workloads:\n{lines}")


def push(tag="stable", **values):
    return Push(**{"id": "1", "registry": "acreu1", "host": LOGIN_SERVER, "repository": "app/web", "tag": tag,
                   "digest": DIGEST} | values)  # fmt: skip


FOLLOWS = of("name: web, image: 'app/web:stable'")


@pytest.mark.parametrize(
    ("workload", "found"),
    [
        ("image: 'app/web:stable'", True),
        ("image: 'app/web:stable', pin: digest", True),
        ("image: 'app/web:stable', pin: tag", False),
        ("image: 'app/web:other'", False),
        ("image: 'app/webb:stable'", False),
        (f"image: 'app/web@{DIGEST}'", False),
    ],
)
def test_a_push_concerns_who_follows_its_tag_by_digest(workload, found):
    assert affected.concerns(of(f"name: web, {workload}"), push()) is found


def test_images_of_a_manifest_are_followed_by_the_registry_s_own_name():
    containers = [{"image": f"{LOGIN_SERVER}/app/web:stable"}, {"image": "docker.io/app/web:stable"}]
    item = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": containers}}}}
    with_manifest = of("name: web, manifest: web.yaml").model_copy(update={"manifests": {"web.yaml": (item,)}})

    assert affected.users(with_manifest, "acreu1", "app/web", LOGIN_SERVER) == {"berlin": (STABLE,)}
    assert affected.users(with_manifest, "acreu1", "app/web", "acreu2.azurecr.io") == {}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, True),
        ({"registry": "ACREU1"}, True),
        ({"registry": "acreu2"}, False),
        ({"topic": REGISTRY_ID.upper()}, True),
        ({"topic": REGISTRY_ID.replace("/s1/", "/s2/")}, False),
    ],
    ids=["webhook", "case", "another name", "its id", "same name in another subscription"],
)
def test_a_push_is_of_the_fleet_where_its_registry_is(values, found):
    assert affected.is_of(FOLLOWS, push(**values)) is found


def asking(answers):
    async def registry(_ref):
        return facts().registry

    async def digest(_host, image):
        if isinstance(answers.get(image), Exception):
            raise answers[image]
        return answers[image]

    return gateways(registries=port(registry=registry), images=port(digest=digest))


async def test_the_registry_says_what_the_tags_are_now():
    found = await pushed.find_affected(asking({STABLE: DIGEST}), FOLLOWS, "acreu1", "app/web")

    assert found == pushed.Affected(("berlin",), {STABLE: DIGEST})


async def test_a_tag_that_is_gone_by_then_is_left_out_but_not_another_site_s():
    second = SITE.replace("berlin", "essen") + "    workloads: [{name: web, image: 'app/web:next'}]\n"
    both = fleet(f"{HEAD}sites:\n{SITE}    workloads: [{{name: web, image: 'app/web:stable'}}]\n{second}")
    gone = PermanentError(Reason.NOT_IN_CLOUD, "gone")

    found = await pushed.find_affected(
        asking({STABLE: gone, ImageRef("app/web", "next"): DIGEST}), both, "acreu1", "app/web"
    )

    assert found.sites == ("essen",)


async def test_a_registry_that_may_not_be_read_is_no_absence_of_images():
    refused = PermanentError(Reason.FORBIDDEN, "no")

    with pytest.raises(PermanentError):
        await pushed.find_affected(asking({STABLE: refused}), FOLLOWS, "acreu1", "app/web")


async def test_another_registry_affects_nothing_and_is_not_asked():
    assert await pushed.find_affected(gateways(), FOLLOWS, "acreu2", "app/web") == pushed.Affected()


@pytest.mark.parametrize(
    ("workload", "place", "found"),
    [
        ("image: 'app/web:stable'", "BERLINPLANT", True),
        ("image: 'app/web:stable', pin: tag", "berlinplant", True),
        ("image: 'app/web:other'", "berlinplant", False),
        ("image: 'app/web:stable'", "munichplant", False),
    ],
)
def test_an_arrival_concerns_a_site_that_needs_the_image(workload, place, found):
    assert affected.concerns(of(f"name: web, {workload}"), push(arrived=Arrived(place, NOW))) is found
