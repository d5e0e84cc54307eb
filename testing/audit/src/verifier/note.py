"""Signed notes, checkpoints, cosignatures and proofs, written from c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature
and tlog-proof."""

import base64
import hashlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DASH = "\u2014 "


class Refused(Exception):
    pass


def unbase64(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused("no base64") from error


class Key:
    """A vkey: name+id+base64(type || public key), of type 1 (note) or 4 (cosignature)."""

    def __init__(self, vkey):
        parts = vkey.strip().split("+", 2)
        if len(parts) != 3:
            raise Refused("no vkey")
        self.text = vkey.strip()
        self.name = parts[0]
        material = unbase64(parts[2])
        self.kind, public = material[0], material[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + material).digest()[:4]
        if self.id.hex() != parts[1] or self.kind not in (1, 4) or len(public) != 32:
            raise Refused("the id of the key is not its own, or its type is not known here")
        self.public = Ed25519PublicKey.from_public_bytes(public)

    def check(self, text, signature):
        """Of a note's text. Returns the time of a cosignature, or None; raises InvalidSignature."""
        if self.kind == 1:
            self.public.verify(signature, text.encode())
            return None
        (time,) = struct.unpack(">Q", signature[:8])
        self.public.verify(signature[8:], f"cosignature/v1\ntime {time}\n{text}".encode())
        return time


class Note:
    def __init__(self, raw):
        end = raw.rfind("\n\n")
        if end < 0 or not raw.endswith("\n"):
            raise Refused("no signed note")
        self.text = raw[: end + 1]
        self.lines = []
        for line in raw[end + 2 : -1].split("\n"):
            if not line.startswith(DASH):
                raise Refused("a line is no signature")
            name, value = line[len(DASH) :].split(" ")
            data = unbase64(value)
            self.lines.append((name, data[:4], data[4:]))

    def signed_by(self, keys):
        """[(name, time or None)] of the known keys that signed. Raises Refused if one of them is wrong."""
        found = []
        for name, key_id, signature in self.lines:
            for key in keys:
                if key.name == name and key.id == key_id:
                    try:
                        found.append((name, key.check(self.text, signature)))
                    except (InvalidSignature, struct.error) as error:
                        raise Refused(f"the signature of {name} is wrong") from error
        return found


class Checkpoint:
    def __init__(self, raw, key, witnesses=()):
        note = Note(raw)
        self.signatures = note.signed_by([key, *witnesses])
        if key.name not in [name for name, _ in self.signatures]:
            raise Refused("the log did not sign this")
        lines = note.text[:-1].split("\n")
        if len(lines) < 3 or lines[0] != key.name or str(int(lines[1])) != lines[1]:
            raise Refused("no checkpoint of this log")
        self.size = int(lines[1])
        self.root = unbase64(lines[2])
        if len(self.root) != 32:
            raise Refused("the root is no hash")


class Proof:
    def __init__(self, raw):
        head, _, self.checkpoint = raw.partition("\n\n")
        lines = head.split("\n")
        if lines.pop(0) != "c2sp.org/tlog-proof@v1":
            raise Refused("no proof")
        self.extra = unbase64(lines.pop(0)[len("extra ") :]) if lines[0].startswith("extra ") else None
        index = lines.pop(0)
        if not index.startswith("index "):
            raise Refused("no proof")
        self.index = int(index[len("index ") :])
        self.path = [unbase64(line) for line in lines]
