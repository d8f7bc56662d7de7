"""Which parts of an office file belong together: relations of a part, targets made whole."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Mapping

from portico.server.retrieval.parsing.zipped import XmlReader, walk_xml


def read_relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Id of a relation to its kind (the last word of its type) and the name of the part; outside ones are left out."""
    folder, name = posixpath.split(part)
    rels = f"{folder}/_rels/{name}.rels"
    if rels not in archive.namelist():
        return {}
    reader = _Relations(folder)
    walk_xml(archive, rels, reader)
    return reader.found


class _Relations(XmlReader):
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"{self._folder}/{target}")
            self.found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], whole)
