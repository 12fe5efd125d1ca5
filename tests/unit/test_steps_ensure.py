"""The step that ensures: changes in their order, then the truth; and the observation that it starts from."""

from dataclasses import replace

import pytest
from examples import DIGEST, LOGIN_SERVER, NOW, cluster, cr, extension, facts, minutes, site, token
from fakes import FakeClock, Script, gateways, port

from arcfleet.core.facts import RegistryContents, RegistryFacts
from arcfleet.core.names import ImageRef
from arcfleet.core.planning.ensure import changes
from arcfleet.core.planning.ensure_effects import NOT_YET, expected
from arcfleet.core.planning.plan import Disposition, plan
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError, TransientError
from arcfleet.steps.ensure import ensure
from arcfleet.steps.observe import LISTED, observe
from arcfleet.steps.sync import check_sync

ENSURED = {"ensure": "true", "connectedRegistrySettings": "{repositories: [app/web]}"}
OFF = RegistryFacts("acreu1", LOGIN_SERVER, "Premium", data_endpoint_enabled=False)
LATER = NOW + minutes(5)


class Registry:
    """A registry that keeps what is written to it, in order, and may fail once at a write."""

    def __init__(self, fails_at: int | None = None, **listed) -> None:
        self.writes, self.fails_at, self.ages = [], fails_at, []
        self.listed = {"berlinplant": cr(), **listed}

    def _write(self, *words) -> None:
        if self.fails_at == len(self.writes):
            self.fails_at = None
            raise TransientError(Reason.UNREACHABLE, "no answer")
        self.writes.append(words)

    async def enable_data_endpoint(self, _ref):
        self._write("data endpoint")

    async def add_actions(self, _ref, name, actions):
        self._write("scope map", name, len(actions))

    async def create_token(self, _ref, name, scope_map):
        self._write("token", name, scope_map)

    async def create_connected_registry(self, _ref, name, spec):
        self._write("create", name, spec.mode)

    async def update_connected_registry(self, _ref, name, spec):
        self._write("update", name, spec.log_level)

    async def connected_registries(self, _ref, *, max_age):
        self.ages.append(max_age)
        return self.listed

    async def service_time(self):
        return LATER


EVERYTHING = [
    ("data endpoint",),
    ("scope map", "berlinplant", 6),
    ("token", "berlinplant", "berlinplant"),
    ("scope map", "berlinplant-pull", 2),
    ("token", "berlinplant-pull", "berlinplant-pull"),
    ("create", "berlinplant", "ReadOnly"),
]


def missing(one):
    return replace(
        facts(extension=None), contents=RegistryContents(), connected_registry=expected(one, RegistryContents())
    )


async def test_changes_are_made_in_order_and_the_truth_is_read_anew():
    one, registry = site(**ENSURED), Registry()
    seen = missing(one)
    planned = changes(one, OFF, seen.contents, ("app/web",))

    after, since = await ensure(gateways(registries=registry), one, seen, planned)

    assert registry.writes == EVERYTHING
    assert (after.connected_registry, registry.ages, since) == (cr(), [0], LATER)


async def test_a_step_that_was_cut_off_is_repeated_whole():
    one, registry = site(**ENSURED), Registry(fails_at=3)
    seen = missing(one)
    planned = changes(one, OFF, seen.contents, ("app/web",))
    with pytest.raises(TransientError):
        await ensure(gateways(registries=registry), one, seen, planned)

    await ensure(gateways(registries=registry), one, seen, planned)

    assert registry.writes == EVERYTHING[:3] + EVERYTHING


async def test_a_changed_setting_awaits_no_sync():
    one = site(ensure="true", connectedRegistrySettings="{logLevel: Debug}")
    held = RegistryContents({"berlinplant": cr(log_level="Information")})
    only = changes(one, replace(OFF, data_endpoint_enabled=True), held, ())[-1]

    registry = Registry()
    _, since = await ensure(gateways(registries=registry), one, replace(facts(), contents=held), (only,))

    assert (registry.writes, since) == ([("update", "berlinplant", "Debug")], None)


async def test_nothing_is_begun_below_a_parent_that_does_not_exist():
    one, registry = site(**ENSURED).model_copy(update={"parent": "hub", "ancestors": ("hubreg",)}), Registry()
    seen = missing(one)

    with pytest.raises(PermanentError) as error:
        await ensure(gateways(registries=registry), one, seen, changes(one, OFF, seen.contents, ()))

    assert (error.value.reason, error.value.remedy) == (Reason.PARENT_NOT_READY, "deploy site hub first")
    assert registry.writes == []


def outside(listed, **more):
    lists = {
        "connected_registries": Script(listed),
        "scope_maps": Script({}),
        "tokens": Script({}),
        "registry": Script(OFF),
    }
    return gateways(
        registries=port(**lists, **more), extensions=port(cluster=Script(cluster()), extension=Script(None))
    )


async def test_what_is_missing_is_observed_as_it_will_be():
    one = site(ensure="true")
    here = outside({})

    seen, _ = await observe(here, one, {})

    assert (seen.connected_registry.gateway_endpoint, seen.connected_registry.activation) == (NOT_YET, "Inactive")
    made = plan(one, seen, ())
    assert (made.disposition, made.install, len(made.ensure)) == (Disposition.CREATE, True, 4)
    assert made.because == (*(change.because for change in made.ensure), "extension newest version")
    for listing in ("connected_registries", "scope_maps", "tokens"):
        assert getattr(here.registries, listing).options == [{"max_age": LISTED}]


async def test_without_ensure_nothing_more_is_read():
    here = outside({"berlinplant": cr()})

    seen, _ = await observe(here, site(), {})

    assert seen.contents is None
    assert (here.registries.scope_maps.calls, here.registries.tokens.calls) == ([], [])


async def test_what_cannot_be_changed_blocks_the_site():
    one = site(ensure="true", connectedRegistrySettings="{mode: ReadWrite}")
    seen = replace(facts(), contents=RegistryContents({"berlinplant": cr()}))

    made = plan(one, seen, ())

    assert (made.disposition, made.finding.reason, made.ensure) == (Disposition.BLOCKED, Reason.IMMUTABLE, ())


async def test_a_connected_registry_made_anew_needs_its_password_delivered():
    one = site(ensure="true")
    seen = replace(
        facts(extension=extension()), contents=RegistryContents(), connected_registry=expected(one, RegistryContents())
    )

    made = plan(one, seen, ())

    assert (made.disposition, made.install) == (Disposition.CREATE, True)


IMAGE = ImageRef("app/web", "stable")


def chain_of(*moments):
    """Return listings of hub and site, their last syncs at these moments."""
    return Script(
        *(
            {
                "hubreg": cr(name="hubreg", last_sync=hub),
                "berlinplant": cr(parent="hubreg", last_sync=own),
            }
            for hub, own in moments
        )
    )


async def test_an_image_is_awaited_through_every_registry_above():
    clock, told = FakeClock(), []
    early, late = NOW - minutes(1), NOW + minutes(2)
    # The site itself syncs first: that can't have brought what its parent lacked.
    own = NOW + minutes(1)
    listed = chain_of((early, early), (early, early), (early, own), (late, own), (late, own), (late, own), (late, late))
    here = gateways(
        clock=clock,
        registries=port(
            connected_registries=listed,
            token=Script(token()),
            scope_actions=Script(["repositories/app/web/content/read"]),
            service_time=Script(NOW),
        ),
        images=port(digest=Script(DIGEST), pushed=Script(None)),
    )
    seen = facts(connected_registry=cr(parent="hubreg"))

    found = await check_sync(
        here, site(), seen, [IMAGE], changed_at=None, ensured_at=NOW, on_change=lambda f: told.append(f.rule)
    )

    assert [finding.rule for finding in found] == ["S7"]
    assert told == ["S12", "S7", "S12", "S7"]
