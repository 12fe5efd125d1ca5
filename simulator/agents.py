"""What the Arc agents and the extension's Helm chart do in a cluster, as causes of what ARM shows.

The agents poll for desired state. They install, upgrade or uninstall the chart through the cluster's own
admission, and report. Without a link to Azure nothing is picked up and nothing is reported.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from simulator import texts
from simulator.chart import Chart
from simulator.credentials import ConnectionString
from simulator.instance import Instance
from simulator.kube import KubeError
from simulator.world import ConnectedCluster, Extension, Release, World

# Azure keeps protected settings for so long (MicrosoftDocs, azure-arc/kubernetes/extensions).
PROTECTED_KEPT = timedelta(hours=48)
# A site that starts deployed has synced this many turns ago, less one for each parent.
DEPTH = 8
BUSY = ("Creating", "Updating", "Deleting")


class Agents:
    """The agents of every cluster."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = world.clock

    def wake(self, cluster: ConnectedCluster, extension: Extension) -> None:
        """Let the agent look at an extension at its next poll; called after each write and reconnection."""
        for handle in (extension.work, extension.expiry):
            if handle is not None:
                handle.cancel()
        extension.work = extension.expiry = None
        if cluster.linked:
            poll = self._world.timings.agent_poll
            extension.work = self._clock.after(poll, lambda: self._pick_up(cluster, extension))
        elif extension.state != "Deleting":
            when = extension.stamps.modified + PROTECTED_KEPT
            extension.expiry = self._clock.at(when, lambda: self._expire(extension))

    def reconnected(self, cluster: ConnectedCluster) -> None:
        """Take up what has waited for the link."""
        for extension in cluster.extensions.values():
            if extension.state in BUSY:
                self.wake(cluster, extension)

    def deploy(self, cluster: ConnectedCluster, extension: Extension, depth: int = 0) -> None:
        """Put an extension in place at once, as a world that starts with it has it.

        `depth` is how many parents its connected registry has: they have synced before it.
        """
        release = self._release(cluster, extension)
        chart = self._chart(cluster, extension)
        cluster.latent.furnish = lambda: chart.install(release.created)
        cluster.release = release
        now = self._world.now()
        turn = timedelta(seconds=60 + self._world.timings.sync_lag)
        release.instance.connect(_connection(extension), now - turn * max(1, DEPTH - depth))
        release.instance.advance(now)
        extension.state = "Succeeded"
        extension.current_version = release.instance.version

    def _pick_up(self, cluster: ConnectedCluster, extension: Extension) -> None:
        release = cluster.release
        if not cluster.linked:
            self.wake(cluster, extension)
        elif extension.state == "Deleting":
            self._uninstall(cluster, extension)
        elif problem := self._refusal(cluster, extension):
            self._fail(extension, *problem)
        elif release is None:
            self._install(cluster, extension)
        elif release.stuck:
            # An install that cannot come up makes way for the newer settings, once its namespace is gone.
            self._chart(cluster, extension).remove(release.created)
            cluster.release = None
            self.wake(cluster, extension)
        else:
            self._upgrade(cluster, extension, release)

    def _refusal(self, cluster: ConnectedCluster, extension: Extension) -> tuple[str, str] | None:
        """Return the code and message of what stops Helm before it does anything."""
        release = cluster.release
        if cluster.failures:
            failure = cluster.failures.pop(0)
            return str(failure.get("code", texts.OPERATION_FAILED)), str(failure.get("message", ""))
        problem = None
        if release is not None and release.terminating:
            problem = texts.TERMINATING
        elif release is not None and release.name.lower() != extension.name.lower():
            problem = texts.NAME_IN_USE
        elif extension.version is not None and extension.version not in self._world.versions:
            problem = texts.NO_CHART
        elif not extension.protected.get("connectionString"):
            problem = texts.NO_CONNECTION_STRING
        elif not extension.settings.get("service.clusterIP"):
            problem = texts.NO_CLUSTER_IP
        return (texts.OPERATION_FAILED, texts.helm(problem)) if problem else None

    def _install(self, cluster: ConnectedCluster, extension: Extension) -> None:
        release, chart = self._release(cluster, extension), self._chart(cluster, extension)
        try:
            chart.install(release.created)
        except KubeError as error:
            chart.remove(release.created)
            self._fail(extension, texts.OPERATION_FAILED, texts.helm(texts.not_created(error.message)))
            return
        cluster.release = release
        # It says what was tried, not what works: the extension is still Creating (k8s_extension.json seq 3).
        extension.current_version = release.instance.version
        release.stuck = not chart.startable()
        if not release.stuck:
            seconds = self._world.timings.extension_install
            self._later(extension, seconds, lambda: self._ready(cluster, extension))
            return

        def give_up() -> None:
            # Helm installs atomically: what it created goes with the failure.
            chart.remove(release.created)
            cluster.release = extension.current_version = None
            self._report(cluster, extension, (texts.OPERATION_FAILED, texts.helm(texts.TIMED_OUT)))

        self._later(extension, self._world.timings.extension_timeout, give_up)

    def _upgrade(self, cluster: ConnectedCluster, extension: Extension, release: Release) -> None:
        wanted = extension.settings["service.clusterIP"]
        if wanted != release.host:
            problem = texts.helm(texts.not_upgraded(texts.immutable_ip(wanted)), upgrade=True)
            self._fail(extension, texts.OPERATION_FAILED, problem)
            return
        self._chart(cluster, extension).restart()
        timings = self._world.timings
        seconds = timings.extension_update if release.instance.running else timings.extension_install
        self._later(extension, seconds, lambda: self._ready(cluster, extension))

    def _ready(self, cluster: ConnectedCluster, extension: Extension) -> None:
        """The chart's pod runs with the extension's settings: the instance starts to talk."""
        release = cluster.release
        if release is None:
            return
        instance = release.instance
        if instance.registry is not None:
            instance.registry.settle(self._world.now())
        instance.version = self._version(extension)
        instance.settings = dict(extension.settings)
        first = self._world.now() + timedelta(seconds=self._world.timings.first_sync)
        instance.connect(_connection(extension), first)
        self._report(cluster, extension, None)

    def _uninstall(self, cluster: ConnectedCluster, extension: Extension) -> None:
        release = cluster.release
        if release is None or release.terminating or release.name.lower() != extension.name.lower():
            self._gone(cluster, extension)
            return
        release.terminating = True
        release.instance.stop(self._world.now())
        chart = self._chart(cluster, extension)
        chart.remove(release.created)

        def finish() -> None:
            if chart.terminating():
                # Pods take their grace period, and the namespace waits for them.
                self._clock.after(1, finish)
                return
            cluster.release = None
            self._gone(cluster, extension)

        # Not stored as the extension's work: a create in the meantime does not stop the uninstall.
        self._clock.after(self._world.timings.extension_delete, finish)

    def _gone(self, cluster: ConnectedCluster, extension: Extension) -> None:
        if cluster.extensions.get(extension.name.lower()) is extension:
            del cluster.extensions[extension.name.lower()]
        self._end(extension, "Succeeded")

    def _release(self, cluster: ConnectedCluster, extension: Extension) -> Release:
        host = extension.settings["service.clusterIP"]
        now, version = self._world.now(), self._version(extension)
        instance = Instance(self._world, cluster, _connection(extension), host, version, now, running=False)
        instance.settings = dict(extension.settings)
        return Release(extension.name, host, instance)

    def _chart(self, cluster: ConnectedCluster, extension: Extension) -> Chart:
        return Chart(cluster, extension, self._version(extension))

    def _version(self, extension: Extension) -> str:
        return extension.version or self._world.versions[-1]

    def _later(self, extension: Extension, seconds: float, callback: Callable[[], None]) -> None:
        extension.work = self._clock.after(seconds, callback)

    def _report(self, cluster: ConnectedCluster, extension: Extension, problem: tuple[str, str] | None) -> None:
        """Tell ARM the outcome, or wait for the link to do so."""
        if not cluster.linked:
            again = self._world.timings.agent_poll
            self._later(extension, again, lambda: self._report(cluster, extension, problem))
        elif problem is not None:
            self._fail(extension, *problem)
        else:
            extension.state, extension.error, extension.statuses = "Succeeded", None, []
            extension.current_version = self._version(extension)
            self._end(extension, "Succeeded")

    def _expire(self, extension: Extension) -> None:
        if extension.state in BUSY:
            self._fail(extension, texts.OPERATION_FAILED, texts.PROTECTED_EXPIRED)

    def _fail(self, extension: Extension, code: str, message: str) -> None:
        now = self._world.now()
        extension.state = "Failed"
        extension.error = texts.error_info(code, message)
        extension.statuses = [texts.status(message, now)]
        self._end(extension, "Failed", {"code": code, "message": message})

    def _end(self, extension: Extension, status: str, error: dict[str, Any] | None = None) -> None:
        self._world.operations.end_all(extension.operations, status, self._world.now(), error)


def _connection(extension: Extension) -> ConnectionString:
    return ConnectionString.parse(extension.protected.get("connectionString", ""))
