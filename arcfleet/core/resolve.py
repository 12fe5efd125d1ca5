"""From a fleet file to complete sites: defaults, then groups in their order, then the site itself.

Maps merge, lists and values replace, null deletes. Every problem of the file is listed, each at the place where its
value is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from arcfleet.core.manifest import Fleet, FleetFile, Group, Registry, Site, SiteEntry
from arcfleet.core.source import Document, Path, read
from arcfleet.errors import ManifestError


def load(text: str, name: str) -> Fleet:
    """Read, validate and resolve a fleet file.

    Args:
        text: The file's content.
        name: Its name, for messages.

    Raises:
        ManifestError: With every problem found.
    """
    document = read(text, name)
    try:
        file = FleetFile.model_validate(document.value, by_alias=True, by_name=False)
    except ValidationError as error:
        raise ManifestError(tuple(_problems(error, document, (), ()))) from None
    problems: list[str] = []
    entries = {i: entry for i in range(len(file.sites)) if (entry := _entry(file, document, i, problems))}
    registries = _registries(file, document, problems)
    problems += _cross_checks(entries, registries, document)
    sites = _sites(entries, registries, document, problems)
    if problems:
        raise ManifestError(tuple(problems))
    return Fleet(name=file.metadata.name, sites=_nested(sites), rollout=file.rollout)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` overlaid with `over`: maps merge, everything else replaces, None deletes."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def _entry(file: FleetFile, document: Document, index: int, problems: list[str]) -> SiteEntry | None:
    own = file.sites[index]
    layers: list[tuple[Path, Mapping[str, Any]]] = [(("defaults",), file.defaults)]
    layers += [(("groups", i, "set"), g.set) for i, g in enumerate(file.groups) if _is_for(g, file.defaults, own)]
    layers.append((("sites", index), own))
    merged: dict[str, Any] = {}
    for _, layer in layers:
        merged = merge(merged, layer)
    try:
        return SiteEntry.model_validate(merged, by_alias=True, by_name=False)
    except ValidationError as error:
        problems += [line for line in _problems(error, document, ("sites", index), layers) if line not in problems]
    return None


def _is_for(group: Group, defaults: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    labels = merge(_labels(defaults), _labels(own))
    return all(labels.get(key) == value for key, value in group.match.labels.items())


def _labels(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a layer's labels; those that are no map are told when the site is validated."""
    labels = layer.get("labels")
    return labels if isinstance(labels, Mapping) else {}


def _problems(
    error: ValidationError, document: Document, base: Path, layers: Iterable[tuple[Path, Mapping[str, Any]]]
) -> Iterable[str]:
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        path = tuple(detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        message = {
            "Extra inputs are not permitted": "is no key that arcfleet knows",
            "Field required": "is missing",
        }.get(message, message)
        yield document.problem(_written_at(path, base, layers), message)


def _written_at(path: Path, base: Path, layers: Iterable[tuple[Path, Mapping[str, Any]]]) -> Path:
    """Return where the value at `path` comes from: the last layer that holds it, else the site itself."""
    for place, layer in reversed(list(layers)):
        if _holds(layer, path):
            return (*place, *path)
    return (*base, *path)


def _holds(value: Any, path: Path) -> bool:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _registries(file: FleetFile, document: Document, problems: list[str]) -> dict[str, Registry]:
    registries: dict[str, Registry] = {}
    for index, registry in enumerate(file.registries):
        if registries.setdefault(registry.name.lower(), registry) is not registry:
            problems.append(document.problem(("registries", index, "name"), f"{registry.name} is listed already"))
    return registries


def _sites(
    entries: Mapping[int, SiteEntry], registries: Mapping[str, Registry], document: Document, problems: list[str]
) -> tuple[Site, ...]:
    sites = []
    for index, entry in entries.items():
        registry = registries.get(entry.registry.lower())
        if registry is None:
            problems.append(
                document.problem(("sites", index, "registry"), f"{entry.registry!r} is not among registries")
            )
            continue
        sites.append(Site(**dict(entry), registry_ref=registry.ref))
    return tuple(sites)


def _nested(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """Return the sites, each with the connected registries above it."""
    by_name = {site.name: site for site in sites}

    def above(site: Site) -> tuple[str, ...]:
        found: dict[str, str] = {}
        while (parent := by_name.get(site.parent or "")) and parent.name not in found:
            found[parent.name] = parent.connected_registry
            site = parent
        return tuple(found.values())

    return tuple(site.model_copy(update={"ancestors": above(site)}) if site.parent else site for site in sites)


def _cross_checks(
    entries: Mapping[int, SiteEntry], registries: Mapping[str, Registry], document: Document
) -> list[str]:
    """Return what is wrong between sites: names, connected registries and clusters are each used once."""
    problems = []
    seen: dict[tuple[str, ...], str] = {}
    for index, entry in entries.items():
        cluster, home = f"{entry.cluster.resource_group}/{entry.cluster.name}", registries.get(entry.registry.lower())
        subscription = entry.cluster.subscription or (home.subscription if home else "")
        unique = (
            (("name", entry.name), "name", f"site {entry.name}"),
            (("cr", entry.registry, entry.connected_registry), "connectedRegistry",
             f"connected registry {entry.connected_registry}"),
            (("cluster", subscription, cluster), "cluster", f"cluster {cluster}"),
            *_kube_key(entry),
        )  # fmt: skip
        for key, field, what in unique:
            # Azure's names have no case; paths and contexts of a kubeconfig do.
            lowered = key if field == "kube" else tuple(part.lower() for part in key)
            if lowered in seen:
                problems.append(
                    document.problem(("sites", index, field), f"{what} is already used by site {seen[lowered]}")
                )
            else:
                seen[lowered] = entry.name
    return problems


def _kube_key(entry: SiteEntry) -> tuple[tuple[tuple[str, ...], str, str], ...]:
    """Return what tells a site's Kubernetes API from others': two sites with one would get each other's workloads."""
    if entry.kube is None:
        return ()
    key = ("kube", entry.kube.kubeconfig or "", entry.kube.context or "", str(entry.kube.in_cluster))
    return ((key, "kube", "this way to a Kubernetes API"),)
