"""Logs over HTTPS, written from c2sp.org/tlog-tiles: every tile and entry is fetched and held against the checkpoint."""

import ssl
import urllib.request

from bundle import fold, read_leaf
from merkle import leaf_hash, root_of
from note import Checkpoint, Refused


def path_of(index):
    parts = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03d}")
    return "/".join(parts)


class Log:
    def __init__(self, prefix, ca_file):
        self.prefix = prefix.rstrip("/")
        self.context = ssl.create_default_context(cafile=ca_file)

    def get(self, path):
        with urllib.request.urlopen(f"{self.prefix}/{path}", context=self.context, timeout=20) as answer:
            return answer.read(), answer.headers

    def tile(self, kind, index, width):
        partial = "" if width == 256 else f".p/{width}"
        return self.get(f"tile/{kind}/{path_of(index)}{partial}")[0]


def verify(log, key, witnesses=()):
    """Raises Refused on the first thing that does not hold; returns facts."""
    raw, headers = log.get("checkpoint")
    if not headers["content-type"].startswith("text/plain"):
        raise Refused("the checkpoint is no text")
    checkpoint = Checkpoint(raw.decode(), key, witnesses)
    level, count, below = 0, checkpoint.size, None
    types = []
    while count > 0:
        hashes = []
        for index in range((count + 255) // 256):
            width = min(256, count - index * 256)
            data = log.tile(level, index, width)
            if len(data) != width * 32:
                raise Refused(f"tile {index} of level {level} is not {width} wide")
            hashes += [data[at : at + 32] for at in range(0, len(data), 32)]
            if level == 0:
                types += entries_of(log.tile("entries", index, width), index * 256, hashes)
        if level == 0:
            if root_of(hashes) != checkpoint.root:
                raise Refused("the tiles do not have the root that was signed")
        elif hashes != [fold(below[at : at + 256]) for at in range(0, len(below) // 256 * 256, 256)]:
            raise Refused(f"level {level} is not made of the level below")
        below, count, level = hashes, count // 256, level + 1
    return {"size": checkpoint.size, "signatures": checkpoint.signatures, "types": sorted(set(types))}


def entries_of(data, first, hashes):
    at, index, types = 0, first, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        leaf = read_leaf(entry.decode())
        if leaf_hash(entry) != hashes[index] or leaf is None or leaf["n"] != index:
            raise Refused(f"entry {index} is not what its tile has")
        types.append(leaf["type"])
        at, index = at + 2 + length, index + 1
    if index != len(hashes):
        raise Refused("entries are missing from a bundle")
    return types
