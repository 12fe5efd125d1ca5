"""The outside world of a step, at a site that is as it should be; each test scripts only what differs."""

import pytest
from examples import (
    DIGEST,
    NOW,
    cluster,
    container,
    cr,
    extension,
    facts,
    minutes,
    token,
)
from fakes import FakeClock, Script, gateways, port

from arcfleet.core.names import ImageRef
from arcfleet.core.passwords.credentials import Credential, connection_string
from arcfleet.core.passwords.journal import Entry, Phase
from arcfleet.core.secret import Secret
from arcfleet.errors import PermanentError

LATER = NOW + minutes(1)
CONNECTED = (cluster(),)
IMAGE = ImageRef("app/web", "stable")
KUBE = {"kube": "{context: k}"}
SCOPE = ["repositories/app/web/content/read"]
CREDENTIAL = Credential(connection_string(cr(), Secret("s")), "key", Entry("password1", Phase.INTENDED, NOW))
PINNED = container(ready=True, image=f"10.96.0.50/app/web@{DIGEST}", image_id=f"10.96.0.50/app/web@{DIGEST}")


def listing(*answers):
    return Script(*({"berlinplant": answer} for answer in answers))


def world(
    *, clusters=CONNECTED, extensions=(None,), apply=None, listed=None, actions=SCOPE, times=(NOW,), **kubernetes
):
    return gateways(
        clock=FakeClock(),
        registries=port(
            registry=Script(facts().registry),
            connected_registries=listed or listing(cr()),
            service_time=Script(*times),
            token=Script(token(password1=NOW)),
            scope_actions=Script(actions),
        ),
        extensions=port(cluster=Script(*clusters), extension=Script(*extensions), apply=apply or Script(extension())),
        images=port(digest=Script(DIGEST), pushed=Script(None)),
        kubernetes=port(**kubernetes),
    )


async def refused(step) -> PermanentError:
    with pytest.raises(PermanentError) as error:
        await step
    return error.value
