"""Exported logs, written from docs/audit-verification.md: everything is read, then checked entry by entry."""

import hmac
import json

from merkle import Tree, leaf_hash, node_hash
from note import Checkpoint, Key, Refused, unbase64


def fold(hashes):
    """The hash over a full tile."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


class Bundle:
    def __init__(self, lines):
        self.header, self.end = None, None
        self.tiles, self.entries, self.checkpoints, self.order = {}, {}, [], []
        for line in lines:
            if not line.strip():
                continue
            item = json.loads(line)
            kind = item["kind"]
            if kind == "bundle":
                self.header = item
            elif kind == "tile":
                data = unbase64(item["hashes"])
                self.tiles[item["level"], item["index"]] = [data[at : at + 32] for at in range(0, len(data), 32)]
            elif kind == "entry":
                self.order.append(item["index"])
                self.entries.setdefault(item["index"], item)
            elif kind == "checkpoint":
                self.checkpoints.append(item["note"])
            elif kind == "end":
                self.end = item["entries"]


def verify(bundle, key=None, foreign=(), witnesses=()):
    """Returns (findings as (index or -1, kind, reason), sorted; facts)."""
    findings = []

    def find(index, kind, reason):
        findings.append((index, kind, reason))

    if bundle.header is None:
        return [(-1, "malformed", "no beginning")], {}
    log = key or Key(bundle.header["key"])
    if log.text != bundle.header["key"]:
        find(-1, "key", "the log says that its key is another")
    if bundle.end is None:
        find(-1, "malformed", "no end")
    roots, cosigned = {}, {}
    own = 0
    for source, note in [("the log", one) for one in bundle.checkpoints] + list(foreign):
        try:
            checkpoint = Checkpoint(note, log, witnesses)
        except Refused as error:
            find(-1, "signature", f"a checkpoint of {source}: {error}")
            continue
        for name, time in checkpoint.signatures:
            if time is not None:
                cosigned[name] = max(cosigned.get(name, (0, 0)), (checkpoint.size, time))
        if source == "the log":
            own = max(own, checkpoint.size)
        roots.setdefault(checkpoint.size, []).append((source, checkpoint.root))
    for size, known in roots.items():
        if len({root for _, root in known}) > 1:
            find(-1, "forked", f"two histories of {size} entries were signed")

    size = max(bundle.entries, default=-1) + 1
    wanted = max([size, bundle.end or 0, *roots])
    for before, after in zip(bundle.order, bundle.order[1:]):
        if after <= before:
            find(after, "reordered", f"it stands after entry {before}")
    for (level, index), hashes in bundle.tiles.items():
        above = bundle.tiles.get((level + 1, index // 256))
        if len(hashes) == 256 and (above is None or above[index % 256 : index % 256 + 1] != [fold(hashes)]):
            # Told by its entries, if it is they that were altered.
            own_hashes = [leaf_hash(bundle.entries[n]["leaf"].encode()) if n in bundle.entries else None
                          for n in range(index * 256, index * 256 + 256)] if level == 0 else hashes
            if own_hashes == hashes:
                find(index * 256 ** (level + 1), "tile", f"the tile above level {level} has another hash for it")

    by_entry, by_tile, doubtful, good, is_lost = Tree(), Tree(), [], 0, False
    for index in range(wanted + 1):
        for source, root in [] if is_lost else roots.get(index, []):
            if by_tile.root() == root:
                for one in doubtful:
                    find(one, "altered", "its hash is not the one that was signed")
                by_entry, doubtful, good = by_tile.copy(), [], index
            elif by_entry.root() == root:
                for one in doubtful:
                    find(one, "tile", "its tile has another hash, the entry is what was signed")
                by_tile, doubtful, good = by_entry.copy(), [], index
            elif not [one for one in findings if one[0] >= good] and not doubtful:
                find(good, "rewritten" if source == "the log" else "forked", f"{source} signed another root for {index}")
        if index == wanted:
            break
        entry = bundle.entries.get(index)
        if entry is None:
            find(index, "truncated" if index >= size else "missing", "there is no such entry")
        tile = bundle.tiles.get((0, index // 256), [])
        kept = tile[index % 256] if index % 256 < len(tile) else None
        leaf = None if entry is None else leaf_hash(entry["leaf"].encode())
        if leaf is None and kept is None:
            is_lost = True
        if is_lost:
            continue
        by_entry.append(leaf or kept)
        by_tile.append(kept or leaf)
        if entry is None:
            continue
        facts = read_leaf(entry["leaf"])
        if facts is None:
            find(index, "altered", "its leaf is no leaf")
        elif facts["n"] != index:
            find(index, "reordered", f"it says that it is entry {facts['n']}")
        else:
            if kept is None:
                find(index, "tile", "its tile is missing")
            elif kept != leaf:
                doubtful.append(index)
            check_body(entry, facts, bundle.header["hasBodies"], find)
    for one in doubtful:
        find(one, "altered", "its hash is not the one in its tile")
    facts = {"entries": size, "signed": own, "origin": log.name, "cosigned": cosigned}
    return sorted(findings, key=lambda one: one[0]), facts


def read_leaf(text):
    try:
        leaf = json.loads(text)
        if json.dumps(leaf, sort_keys=True, separators=(",", ":")) != text:
            return None
        return leaf if set(leaf) == {"commitment", "n", "time", "type", "v", "version"} and leaf["v"] == 1 else None
    except (ValueError, TypeError):
        return None


def check_body(entry, leaf, has_bodies, find):
    content = entry.get("content")
    if content == "shredded" or (content == "withheld" and not has_bodies):
        return
    if content is not None:
        find(leaf["n"], "body", f"it is {content}")
        return
    made = hmac.digest(unbase64(entry["opening"]), entry["body"].encode(), "sha256")
    if not hmac.compare_digest(made.hex(), leaf["commitment"]):
        find(leaf["n"], "body", "it is not what the leaf commits to")
