"""Loading a fleet from disk: its file, and the manifest files that its workloads name."""

from __future__ import annotations

import stat
from pathlib import Path

from arcfleet.core import resolve, source, workloads
from arcfleet.core.manifest import Fleet, Site
from arcfleet.core.workloads import Object
from arcfleet.errors import ManifestError


def load(path: str | Path) -> Fleet:
    """Read, validate and resolve a fleet file. Nothing is sent anywhere.

    Args:
        path: The fleet file. Paths in it are relative to its folder.

    Raises:
        ManifestError: With every problem found.
    """
    path = Path(path)
    fleet = resolve.load(_read(path, path.name), path.name)
    named = dict.fromkeys(w.manifest for site in fleet.sites for w in site.workloads if w.manifest)
    problems: list[str] = []
    manifests: dict[str, tuple[Object, ...]] = {}
    for name in named:
        try:
            manifests[name] = workloads.parse_manifest(_read(path.parent / name, name), name)
        except ManifestError as error:
            problems += error.problems
    if problems:
        raise ManifestError(tuple(problems))
    sites = tuple(_with_kubeconfig_beside(site, path.parent) for site in fleet.sites)
    return fleet.model_copy(update={"manifests": manifests, "sites": sites})


def _with_kubeconfig_beside(site: Site, folder: Path) -> Site:
    """Return a site whose kubeconfig's path holds from any folder."""
    if site.kube is None or site.kube.kubeconfig is None:
        return site
    try:
        place = (folder / Path(site.kube.kubeconfig).expanduser()).resolve()
    except (RuntimeError, ValueError):
        raise ManifestError((f"{site.kube.kubeconfig!r}  kubeconfig of site {site.name}: it is no path",)) from None
    return site.model_copy(update={"kube": site.kube.model_copy(update={"kubeconfig": str(place)})})


def _read(path: Path, name: str) -> str:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ManifestError((f"{name}  can't be read: it is no file",))
        if found.st_size > source.MAX_BYTES:
            raise ManifestError((f"{name}  is larger than {source.MAX_BYTES // 1_000_000} MB",))
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ManifestError((f"{name}  can't be read: it is no UTF-8 text",)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise ManifestError((f"{name}  can't be read: {why}",)) from None
