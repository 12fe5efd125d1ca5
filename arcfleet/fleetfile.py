"""Loading a fleet from disk: its file or its folder, and the manifest files that its workloads name."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from arcfleet.core import leaks
from arcfleet.core.fleet import resolve, source
from arcfleet.core.fleet.folder import Sources, join
from arcfleet.core.fleet.manifest import Fleet, Site
from arcfleet.core.fleet.problems import Problems
from arcfleet.core.fleet.resolve import Discovered
from arcfleet.core.kube import workloads
from arcfleet.core.kube.workloads import Object
from arcfleet.errors import ManifestError

MAX_FILES = 1000
"""Of a folder that is one fleet."""


def load(path: str | Path, discovered: Discovered | None = None) -> Fleet:
    """Read, validate and resolve a fleet. Nothing is sent anywhere.

    Args:
        path: The fleet file, or a folder whose *.yaml files are one fleet. Paths in a file are relative to its folder.
        discovered: The clusters that Azure has for the entries of `sitesFrom`, by index; the sites of any other entry
            are missing in the fleet, which then names it among its `inventories`.

    Raises:
        ManifestError: With every problem found.
    """
    return complete(resolve.resolve(read(path), discovered).fleet, path)


def complete(fleet: Fleet, path: str | Path) -> Fleet:
    """Return a resolved fleet with the manifests that it names, and with paths that hold from any folder.

    Args:
        fleet: As `core.fleet.resolve` makes it.
        path: Where it was read.

    Raises:
        ManifestError: A manifest can't be read or is none; a path is none.
    """
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    named = dict.fromkeys(w.manifest for site in fleet.sites for w in site.workloads if w.manifest)
    problems = Problems()
    manifests: dict[str, tuple[Object, ...]] = {}
    for name in named:
        try:
            manifests[name] = workloads.parse_manifest(_text(folder / name, name), name)
        except ManifestError as error:
            problems.add(*error.problems)
    problems.raise_any()
    sites = tuple(_with_paths_beside(site, folder) for site in fleet.sites)
    return fleet.model_copy(update={"manifests": manifests, "sites": sites})


def read(path: str | Path) -> Sources:
    """Read a fleet's file, or the *.yaml files of its folder in the order of their names, without a look at its sites.

    Raises:
        ManifestError: A file can't be read or is no YAML of the kind accepted here; the files are too large together.
    """
    path = Path(path)
    if not path.is_dir():
        return join([source.read(_text(path, path.name), path.name)])
    found = sorted(path.iterdir())
    wrong = [file.name for file in found if file.suffix == ".yml"]
    if wrong:
        raise ManifestError(tuple(f"{name}  is not read: a fleet's files end in .yaml" for name in wrong))
    files = [file for file in found if file.suffix == ".yaml"]
    if not files:
        raise ManifestError((f"{path}  the folder holds no file that ends in .yaml",))
    if len(files) > MAX_FILES:
        raise ManifestError((f"{path}  the folder holds more than {MAX_FILES:,} files that end in .yaml",))
    documents, bytes_left, values_left = [], source.MAX_BYTES, source.MAX_VALUES
    for file in files:
        text = _text(file, file.name, bytes_left)
        documents.append(source.read(text, file.name, max_values=values_left))
        bytes_left -= len(text)
        values_left -= documents[-1].size
    return join(documents)


def _with_paths_beside(site: Site, folder: Path) -> Site:
    """Return a site whose paths, its kubeconfig's, its password file's and its CA's, hold from any folder."""
    changes: dict[str, Any] = {}
    if site.kube and site.kube.kubeconfig:
        place = _beside(folder, site.kube.kubeconfig, f"kubeconfig of site {site.name}")
        changes["kube"] = site.kube.model_copy(update={"kubeconfig": place})
    if site.pull_secret_from and site.pull_secret_from.file:
        place = _beside(folder, site.pull_secret_from.file, f"pullSecretFrom.file of site {site.name}")
        changes["pull_secret_from"] = site.pull_secret_from.model_copy(update={"file": place})
    if site.site_registry and site.site_registry.ca:
        place = _beside(folder, site.site_registry.ca, f"siteRegistry.ca of site {site.name}")
        changes["site_registry"] = site.site_registry.model_copy(update={"ca": place})
    return site.model_copy(update=changes) if changes else site


def _beside(folder: Path, text: str, what: str) -> str:
    try:
        return str((folder / Path(text).expanduser()).resolve())
    except (RuntimeError, ValueError):
        raise ManifestError((f"{leaks.quote(text)}  {what}: it is no path",)) from None


def _text(path: Path, name: str, max_bytes: int = source.MAX_BYTES) -> str:
    """Return a file's text, which is not read where there is too much of it."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ManifestError((f"{name}  can't be read: it is no file",))
        if found.st_size > max_bytes:
            together = "" if max_bytes == source.MAX_BYTES else ", with those before it,"
            raise ManifestError((f"{name}{together}  is larger than {source.MAX_BYTES // 1_000_000} MB",))
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ManifestError((f"{name}  can't be read: it is no UTF-8 text",)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise ManifestError((f"{name}  can't be read: {why}",)) from None
