"""From a site's `kube` to a client of its Kubernetes API. A kubeconfig is parsed once, however many sites are in it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import client, config
from kubernetes.aio.config import incluster_config, kube_config

from arcfleet.core.fleet.manifest import Kube
from arcfleet.core.reasons import Reason
from arcfleet.errors import PermanentError
from arcfleet.gateways import translation
from arcfleet.settings import Settings

_untyped: Any = kube_config
_incluster: Any = incluster_config
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where PyYAML was built with it: ten times as fast, which a kubeconfig of hundreds of contexts needs."""


class Kubeconfigs:
    """Makes clients; keeps each kubeconfig that was read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parsed: dict[str, Any] = {}
        self._lock = asyncio.Lock()

    async def client(self, site: str, kube: Kube) -> client.ApiClient:
        """Return a client for a site.

        Raises:
            PermanentError: The kubeconfig can't be read, or has no such context.
        """
        configuration = client.Configuration()
        try:
            if kube.in_cluster:
                _incluster.load_incluster_config(client_configuration=configuration)
            else:
                parsed = await self._kubeconfig(kube)
                loader = _untyped.KubeConfigLoader(
                    config_dict=parsed, active_context=kube.context, config_base_path=None
                )
                await loader.load_and_set(configuration)
        except (config.ConfigException, OSError, yaml.YAMLError, TypeError, AttributeError, KeyError) as error:
            # The last three are what the client raises for a file that is no kubeconfig.
            raise PermanentError(
                Reason.KUBECONFIG,
                f"kubeconfig of site {site}: {translation.clean(str(error))}",
                "check kube.context and kube.kubeconfig: kubectl config get-contexts",
            ) from None
        return client.ApiClient(configuration)

    async def _kubeconfig(self, kube: Kube) -> Any:
        content = self._settings.kubeconfig_content
        path: Path | str | None = kube.kubeconfig or self._settings.kubeconfig
        async with self._lock:
            key = "" if content and not kube.kubeconfig else str(path or kube_config.KUBE_CONFIG_DEFAULT_LOCATION)
            if key not in self._parsed:
                text = content.get_secret_value() if content else ""
                self._parsed[key] = await asyncio.to_thread(_read, key) if key else yaml.load(text, LOADER)  # noqa: S506
        return self._parsed[key]


def _read(paths: str) -> Any:
    """Read a kubeconfig, or several that are merged as kubectl does, each with its own folder for relative paths."""
    found = _untyped.KubeConfigMerger(paths).config
    if found is None:
        raise config.ConfigException(f"Invalid kube-config file. No configuration found in {paths}.")
    return found
