"""An independent verifier of Holdfast's audit log: Python's own library and `cryptography`, nothing of Holdfast.

  python3 verify.py vectors ../../../vectors/tlog.json
  python3 verify.py bundle FILE [--key VKEY] [--checkpoint FILE]... [--witness-key VKEY]...
  python3 verify.py proof FILE --key VKEY [--witness-key VKEY]...
  python3 verify.py tlog URL --ca FILE --key VKEY [--witness-key VKEY]...

Prints one JSON object; exits 1 if something does not hold.
"""

import argparse
import json
import sys

import bundle
import tiles
from merkle import Tree, is_consistent, is_included, leaf_hash
from note import Checkpoint, Key, Note, Proof, Refused


def vectors(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    tree, roots = Tree(), [bytes.fromhex(root) for root in data["tree"]["roots"]]
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in data["tree"]["leaves"]]
    good = tree.root() == roots[0]
    for leaf, root in zip(leaves, roots[1:]):
        tree.append(leaf)
        good &= tree.root() == root
    for one in data["tree"]["inclusions"]:
        path_ = [bytes.fromhex(value) for value in one["proof"]]
        good &= is_included(leaves[one["index"]], one["index"], one["size"], path_, roots[one["size"]])
    for one in data["tree"]["consistencies"]:
        path_ = [bytes.fromhex(value) for value in one["proof"]]
        good &= is_consistent(one["oldSize"], one["size"], roots[one["oldSize"]], roots[one["size"]], path_)
    for one in data["notes"]:
        keys = [Key(key) for key in one["keys"]]
        good &= len(Note(one["note"]).signed_by(keys)) == len(keys)
    return good, {}


def proof(path, key, witnesses):
    with open(path, encoding="utf-8") as file:
        one = Proof(file.read())
    checkpoint = Checkpoint(one.checkpoint, key, witnesses)
    good = is_included(leaf_hash(one.extra), one.index, checkpoint.size, one.path, checkpoint.root)
    leaf = bundle.read_leaf(one.extra.decode())
    good &= leaf is not None and leaf["n"] == one.index
    return good, {"index": one.index, "size": checkpoint.size, "leaf": leaf, "signatures": checkpoint.signatures}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["vectors", "bundle", "proof", "tlog"])
    parser.add_argument("source")
    parser.add_argument("--key")
    parser.add_argument("--ca")
    parser.add_argument("--checkpoint", action="append", default=[])
    parser.add_argument("--witness-key", action="append", default=[])
    options = parser.parse_args()
    witnesses = [Key(key) for key in options.witness_key]
    key = Key(options.key) if options.key else None
    try:
        if options.what == "vectors":
            good, facts = vectors(options.source)
        elif options.what == "proof":
            good, facts = proof(options.source, key, witnesses)
        elif options.what == "tlog":
            good, facts = True, tiles.verify(tiles.Log(options.source, options.ca), key, witnesses)
        else:
            foreign = []
            for path in options.checkpoint:
                with open(path, encoding="utf-8") as file:
                    foreign.append((path, file.read()))
            with open(options.source, encoding="utf-8") as file:
                findings, facts = bundle.verify(bundle.Bundle(file), key, foreign, witnesses)
            good = not findings
            facts["findings"] = [{"first": one[0], "kind": one[1], "reason": one[2]} for one in findings[:100]]
    except Refused as error:
        good, facts = False, {"refused": str(error)}
    print(json.dumps({"good": good, **facts}))
    sys.exit(0 if good else 1)


main()
