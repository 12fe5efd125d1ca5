"""Cluster addresses: what a dry run says, and what is true."""

import pytest
from kube_harness import serving

from simulator.kube import KubeError

PATH = "/api/v1/namespaces/default/services"
FREE, TAKEN, OUTSIDE = "192.100.100.77", "192.100.100.1", "10.1.2.3"


def service(name="web", address=None):
    spec = {"ports": [{"port": 443}]} | ({"clusterIP": address} if address else {})
    return {"metadata": {"name": name}, "spec": spec}


async def post(site, body, query=""):
    status, answer, _ = await site.send("POST", PATH + query, body)
    return status, answer.get("message", "")


async def test_a_dry_run_does_not_see_that_an_address_is_taken():
    async with serving() as site:
        assert (await post(site, service(address=TAKEN), "?dryRun=All"))[0] == 201
        status, words = await post(site, service(address=TAKEN))
        assert status == 422
        assert words.endswith(
            f'Invalid value: ["{TAKEN}"]: failed to allocate IP {TAKEN}: provided IP is already allocated'
        )


async def test_an_address_out_of_range_has_other_words_in_a_dry_run():
    async with serving() as site:
        _, dry = await post(site, service(address=OUTSIDE), "?dryRun=All")
        _, real = await post(site, service(address=OUTSIDE))
        assert dry.endswith("is not in the valid range. The range of valid IPs is 192.100.100.0/24")
        assert real.endswith("the provided network does not match the current range")


async def test_before_1_33_there_are_no_ranges_to_read_and_older_words():
    async with serving(version="1.32.13") as site:
        assert (await site.send("GET", "/apis/networking.k8s.io/v1/servicecidrs"))[0] == 404
        assert (await post(site, service(address="192.100.100.077"), "?dryRun=All"))[0] == 201
        _, words = await post(site, service(address=OUTSIDE))
        assert words.endswith(
            f'Invalid value: []string{{"{OUTSIDE}"}}: failed to allocate IP {OUTSIDE}: the provided IP ({OUTSIDE}) '
            "is not in the valid range. The range of valid IPs is 192.100.100.0/24"
        )


async def test_with_two_ranges_a_dry_run_proves_nothing():
    async with serving(service_cidrs=("192.100.100.0/24", "192.100.101.0/24")) as site:
        answers = {(await post(site, service(address="192.100.101.5"), "?dryRun=All"))[0] for _ in range(40)}
        assert answers == {201, 422}
        assert (await post(site, service(address="192.100.101.5")))[0] == 201


async def test_the_owner_of_an_address_can_be_read_and_a_delete_frees_it():
    async with serving() as site:
        owner = f"/apis/networking.k8s.io/v1/ipaddresses/{FREE}"
        assert (await site.send("GET", owner))[0] == 404
        assert (await post(site, service(address=FREE)))[0] == 201
        _, found, _ = await site.send("GET", owner)
        assert found["spec"]["parentRef"] == {"resource": "services", "namespace": "default", "name": "web"}

        status, answer, _ = await site.send("DELETE", f"{PATH}/web")

        assert (status, answer["kind"]) == (200, "Service")
        assert (await site.send("GET", owner))[0] == 404
        assert (await post(site, service("other", FREE)))[0] == 201


async def test_an_address_of_nobodys_choice_comes_from_the_upper_band():
    async with serving() as site:
        _, dry, _ = await site.send("POST", f"{PATH}?dryRun=All", service())
        _, real, _ = await site.send("POST", PATH, service())
        assert dry["spec"]["clusterIP"] == "192.100.100.0"
        assert 16 <= int(real["spec"]["clusterIP"].rpartition(".")[2]) < 255


async def test_a_full_range_refuses():
    async with serving(service_cidrs=("192.100.100.0/30",)) as site:
        assert (await post(site, service()))[0] == 201
        assert "range is full" in (await post(site, service("other")))[1]


async def test_a_replacement_without_address_keeps_it():
    async with serving() as site:
        await post(site, service(address=FREE))
        status, answer, _ = await site.send("PUT", f"{PATH}/web", service() | {"spec": {"ports": [{"port": 80}]}})
        assert (status, answer["spec"]["clusterIP"]) == (200, FREE)


async def test_in_process_the_same_admission_holds():
    async with serving() as site:
        with pytest.raises(KubeError, match="provided IP is already allocated") as refused:
            site.cluster.create("services", service(address=TAKEN))
        assert refused.value.code == 422
        made = site.cluster.create("services", service(address=FREE))
        assert made["spec"]["clusterIPs"] == [FREE]
        assert site.cluster.get("services", "default", "web")["metadata"]["uid"] == made["metadata"]["uid"]
        site.cluster.delete("services", "default", "web")
        assert site.cluster.get("services", "default", "web") is None
