#!/usr/bin/env python3
"""Verifies an export of a nightlatch trail without nightlatch: Python 3.8 or newer, standard library only.

    verify.py [FILE|-] [--against NOTE]... [--key VERIFIERKEY]...

Exit 0: whole. 8: not whole; the first bad event is named. 2: usage, or a file that cannot be read.

The recipe:
    record = 0x01, F(store), F(seq), F(at), F(subject), F(kind), F(actor), F(policy), F(body), F(previous link)
    F(x)   = length of x as 4 bytes, most significant first, then x
    link   = SHA-256(0x00, record)        also the leaf of the RFC 6962 tree whose root a checkpoint signs
    text   = SHA-256(salt of 16 bytes, words in UTF-8)
seq and at (milliseconds since 1970) are 8 bytes, most significant first; actor is "ID VIA"; body is the text in the
line from its { to its }, byte for byte (or, where the body is a JSON string, what that string says).
"""

import argparse
import base64
import binascii
import datetime
import hashlib
import json
import re
import struct
import sys

ZERO = bytes(32)
EPOCH = datetime.datetime(1970, 1, 1)
HEX64 = re.compile(r"[0-9a-f]{64}", re.ASCII)
AT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{3})?Z", re.ASCII)
FIELDS = {"seq", "at", "store", "subject", "kind", "actor", "policy", "body", "texts", "prev", "hash"}


class Broken(Exception):
    """Where the trail is broken first; seq is None where a checkpoint is at fault."""

    def __init__(self, seq, sentence):
        super().__init__(sentence if seq is None else f"event {seq}: {sentence}")
        self.seq = seq


# --- the export line -------------------------------------------------------------------------------------------------


def no_twins(pairs):
    """An object in which no key stands twice: else two readers could see two different events."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice")
    return fields


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


STRICT = json.JSONDecoder(object_pairs_hook=no_twins, parse_constant=no_constant)
# Only the line's own fields are ours to be strict about; a body is taken as it was stored.
LOOSE = json.JSONDecoder(parse_constant=no_constant)
SPACE = re.compile(r"[ \t\n\r]*")


def fields_of(text):
    """The fields of the object in text, each as (value, the very characters that it was read from)."""

    def skip(at):
        return SPACE.match(text, at).end()

    def expect(at, what):
        at = skip(at)
        if text[at : at + 1] != what:
            raise ValueError(f"{what} is missing")
        return skip(at + 1)

    fields, at = {}, expect(0, "{")
    while True:
        if text[at : at + 1] != '"':
            raise ValueError("a key is missing")
        key, at = STRICT.raw_decode(text, at)
        at = expect(at, ":")
        value, end = (LOOSE if key == "body" else STRICT).raw_decode(text, at)
        if key in fields:
            raise ValueError("a key stands twice")
        fields[key] = (value, text[at:end])
        at = skip(end)
        if text[at : at + 1] == "}":
            break
        at = expect(at, ",")
    if skip(at + 1) != len(text):
        raise ValueError("more stands after the event")
    return fields


def need(condition, what):
    if not condition:
        raise ValueError(what)


def utf8(text, what):
    need(isinstance(text, str), f"{what} is not a text")
    return text.encode("utf-8")


def link_of(text, what):
    need(isinstance(text, str) and HEX64.fullmatch(text), f"{what} is not a hash")
    return bytes.fromhex(text)


def millis_of(text):
    match = AT.fullmatch(text) if isinstance(text, str) else None
    need(match and match.group(2) != ".000", "at is not an instant as 2026-11-21T23:40:00Z")
    # Year 0 exists in the format but not in Python; no trail is that old.
    at = datetime.datetime.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S") - EPOCH
    return at.days * 86_400_000 + at.seconds * 1000 + int((match.group(2) or ".0")[1:])


class Line:
    """One line of an export, taken apart and checked for form."""

    def __init__(self, text):
        fields = fields_of(text)
        need(set(fields) == FIELDS, "its fields are not those of an event")
        value = {key: field[0] for key, field in fields.items()}
        self.seq = value["seq"]
        need(type(self.seq) is int and 0 <= self.seq < 2**63, "seq is not a number")
        need(fields["seq"][1] == str(self.seq), "seq is not a number")
        self.at = millis_of(value["at"])
        self.store, self.kind, self.policy = value["store"], value["kind"], value["policy"]
        actor = value["actor"]
        need(isinstance(actor, dict) and set(actor) == {"id", "via"}, "actor is not an id and a way in")
        utf8(actor["id"], "actor"), utf8(actor["via"], "actor")
        self.prev, self.hash = link_of(value["prev"], "prev"), link_of(value["hash"], "hash")
        if isinstance(value["body"], dict):
            body, self.body = fields["body"][1], value["body"]
        else:
            body, self.body = value["body"], None
        packed = struct.pack(">q", self.seq), struct.pack(">q", self.at)
        stored_actor = actor["id"] + (" " + actor["via"] if actor["via"] else "")
        self.parts = [utf8(self.store, "store"), *packed, utf8(value["subject"], "subject"), utf8(self.kind, "kind")]
        self.parts += [stored_actor.encode("utf-8"), utf8(self.policy, "policy"), utf8(body, "body"), self.prev]
        self.raw_body = body
        self.texts = value["texts"]
        need(isinstance(self.texts, list) and all(isinstance(text, dict) for text in self.texts), "texts is not a list")
        for text in self.texts:
            need({"name", "hash"} <= set(text) <= {"name", "hash", "salt", "text"}, "a text has other fields")
            utf8(text["name"], "name"), link_of(text["hash"], "hash")
            for key in ("salt", "text"):
                need(text.get(key) is None or isinstance(text[key], str), f"{key} is not a text")
                if text.get(key) is not None:
                    utf8(text[key], key)

    def link(self):
        record = b"\x01" + b"".join(struct.pack(">I", len(part)) + part for part in self.parts)
        return hashlib.sha256(b"\x00" + record).digest()


def references(body):
    """All texts that a body refers to, wherever they stand in it, each once: (id, name, hash), by id."""
    found, todo = set(), [("", body)]
    while todo:
        name, value = todo.pop()
        if isinstance(value, dict):
            text, digest = value.get("text"), value.get("hash")
            if type(text) is int and -(2**63) <= text < 2**63 and isinstance(digest, str) and HEX64.fullmatch(digest):
                found.add((text, name.encode("utf-8", "surrogatepass"), digest))
            else:
                todo.extend(value.items())
        elif isinstance(value, list):
            todo.extend((name, item) for item in value)
    return sorted(found)


# --- the tree and the checkpoint -------------------------------------------------------------------------------------


class Tree:
    """RFC 6962, kept as the roots of its perfect subtrees."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def push(self, node):
        size = self.size
        while size & 1:
            node = hashlib.sha256(b"\x01" + self.peaks.pop() + node).digest()
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self):
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            node = hashlib.sha256(b"\x01" + left + node).digest()
        return node


def decode64(text):
    return base64.b64decode(text, validate=True)


class Key:
    """A verifier key: NAME+ID+KEY."""

    def __init__(self, text):
        name, key_id, key = text.strip().split("+", 2)
        key = decode64(key)
        need(len(key) == 33 and key[0] == 1, "it is not an ed25519 key")
        need(name and not re.search(r"\s", name), "its name is odd")
        self.name, self.key = name, key[1:]
        self.id = hashlib.sha256(name.encode("utf-8") + b"\n" + key).digest()[:4]
        need(key_id == self.id.hex(), "its id does not belong to its name and key")


class Note:
    """A checkpoint: a C2SP signed note. Signatures are checked by signed_by."""

    def __init__(self, data):
        note = data.decode("utf-8")
        need(len(data) <= 64 * 1024, "it is too large")
        need(not re.search("[\x00-\x09\x0b-\x1f]", note), "it holds control characters")
        at = note.rfind("\n\n")
        need(at >= 0 and note.endswith("\n") and at + 2 < len(note), "it has no signatures")
        self.text, self.signatures = note[: at + 1], []
        for line in note[at + 2 : -1].split("\n"):
            dash, name, signature = line.split(" ")
            signature = decode64(signature)
            need(dash == "\u2014" and name and len(signature) > 4, "a signature line is malformed")
            self.signatures.append((name, signature[:4], signature[4:]))
        lines = self.text[:-1].split("\n")
        need(len(lines) >= 3 and lines[0].startswith("nightlatch/"), "it is not a checkpoint of a nightlatch")
        need(re.fullmatch("0|[1-9][0-9]*", lines[1], re.ASCII), "its size is not a number")
        self.store, self.size, self.root = lines[0][len("nightlatch/") :], int(lines[1]), decode64(lines[2])
        need(len(self.root) == 32, "its root is not a hash")
        links = [link_of(line[5:], "link") for line in lines[3:] if line.startswith("link ")]
        self.link = links[-1] if links else None
        self.signed_by = None

    def check(self, keys):
        for name, key_id, signature in self.signatures:
            for key in keys:
                if (key.name, key.id) == (name, key_id):
                    if not ed25519(key.key, self.text.encode("utf-8"), signature):
                        raise Broken(None, f"the checkpoint: the signature by {name!r} is not good: it was changed")
                    self.signed_by = self.signed_by or name
        if self.signed_by is None:
            raise Broken(None, "the checkpoint: the note is not signed by the key given")


# --- ed25519, as RFC 8032 writes it down (verification only, so nothing here is secret) -------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point(data):
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, p):
    q = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            q = add(q, p)
        p, scalar = add(p, p), scalar >> 1
    return q


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519(public, message, signature):
    if len(signature) != 64:
        return False
    a, r, s = point(public), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(s, BASE), add(r, times(k, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


# --- the verdict -----------------------------------------------------------------------------------------------------


class Verifier:
    def __init__(self, notes, keys):
        self.keys = keys
        for note in notes if keys else []:
            note.check(keys)
        self.awaited = sorted(notes, key=lambda note: note.size)
        self.agreed, self.open, self.missing, self.erased = [], [], {}, set()
        self.store = self.tree = None
        self.first = self.last = 0
        self.head = ZERO

    def push_text(self, data):
        following = self.last + 1
        try:
            line = Line(data.decode("utf-8"))
        except (ValueError, RecursionError) as fault:
            raise Broken(following, f"its line is not an export line: {ascii(str(fault))[1:-1][:200]}") from None
        self.push(line)

    def push(self, line):
        if self.store is None:
            self.begin(line)
        following = self.last + 1
        if line.seq > following:
            raise Broken(following, f"is missing: event {line.seq} stands where {following} should")
        if line.seq < following:
            raise Broken(line.seq, f"stands a second time or out of order, after event {self.last}")
        if line.store != self.store:
            raise Broken(following, f"belongs to store {ascii(line.store)}, not to {ascii(self.store)}")
        if line.prev != self.head:
            if self.last == 0:
                raise Broken(following, "is said to follow another, yet it is the first")
            raise Broken(following, f"does not follow event {self.last} as it stands here: one of the two was rewritten")
        if line.link() != line.hash:
            rewritten = f", or event {self.last} was rewritten with its hash" if self.last else ""
            raise Broken(following, f"was changed: its hash does not fit what it says{rewritten}")
        self.last, self.head = line.seq, line.hash
        if self.tree:
            self.tree.push(line.hash)
        self.texts(line)
        self.hold_against_checkpoints()

    def begin(self, line):
        self.store, self.first = line.store, line.seq
        for note in self.awaited:
            if note.store != self.store:
                of, ours = ascii(note.store), ascii(self.store)
                raise Broken(None, f"the checkpoint is of store {of}, the trail of {ours}: take the right one")
        if line.seq > 1:
            self.last, self.head = line.seq - 1, line.prev
            self.open.append(f"anything up to event {self.last}: the export begins after it")
        else:
            self.tree = Tree()
        self.hold_against_checkpoints()

    def hold_against_checkpoints(self):
        while self.awaited and self.awaited[0].size <= self.last:
            note = self.awaited.pop(0)
            here = note.size == self.last
            root = self.tree.root() == note.root if here and self.tree else None
            link = note.link == self.head if here and note.link else None
            if root is False or link is False:
                since = self.agreed[-1].size + 1 if self.agreed else 1
                raise Broken(
                    note.size,
                    f"is not what the checkpoint over {note.size} events signed: "
                    f"events from {since} to {note.size} were rewritten",
                )
            if root or link:
                self.agreed.append(note)
            else:
                size = note.size
                self.open.append(f"that the trail agrees with the checkpoint over {size} events: the export begins after it")

    def texts(self, line):
        body = line.body
        if body is None:
            try:
                body = LOOSE.decode(line.raw_body)
            except (ValueError, RecursionError):
                raise Broken(line.seq, "its body is not JSON") from None
        named = references(body)
        beside = [(text["name"].encode("utf-8"), text["hash"]) for text in line.texts]
        if [(name, digest) for _, name, digest in named] != beside:
            raise Broken(line.seq, "the texts beside it are not those that its body names")
        for (number, name, digest), text in zip(named, line.texts):
            salt, words = text.get("salt"), text.get("text")
            if salt is None and words is None:
                self.missing.setdefault(number, line.seq)
            elif salt is None or words is None:
                raise Broken(line.seq, f"its text {ascii(name.decode())} is only half there")
            else:
                good = re.fullmatch("[0-9a-f]{32}", salt, re.ASCII)
                if not good or hashlib.sha256(bytes.fromhex(salt) + words.encode("utf-8")).hexdigest() != digest:
                    raise Broken(line.seq, f"its text {ascii(name.decode())} was changed")
        if line.kind == "erased" and isinstance(body, dict) and isinstance(body.get("texts"), list):
            self.erased.update(number for number in body["texts"] if type(number) is int)

    def finish(self):
        if self.store is None:
            raise Broken(None, "there is no event to verify: was the export refused?")
        if self.awaited:
            size = self.awaited[-1].size
            sentence = f"is missing: the trail ends at {self.last}, yet the checkpoint covers {size} events"
            raise Broken(self.last + 1, sentence)
        unexplained = [seq for number, seq in self.missing.items() if number not in self.erased]
        if unexplained:
            raise Broken(min(unexplained), "a text of it is missing, and no erased event names that text")
        if not self.agreed:
            self.open.append(
                "that no events were cut off the end, nor the whole trail rewritten: hold it against a checkpoint that "
                "was kept elsewhere, with --against"
            )
        elif self.agreed[-1].size < self.last:
            size = self.agreed[-1].size
            self.open.append(f"that nothing after event {size} was cut off or rewritten: the checkpoint covers only {size} events")
        if self.agreed and not self.keys:
            self.open.append("that the checkpoint is the store's own: check its signature, with --key")
        if self.keys and not self.agreed:
            self.open.append("anything with the key alone: it checks the checkpoint given with --against")


def usage(sentence):
    print(f"verify.py: {sentence}", file=sys.stderr)
    return 2


def main():
    parser = argparse.ArgumentParser(description="Verify an export of a nightlatch trail, offline.")
    parser.add_argument("file", nargs="?", default="-", help="the export; - is standard input")
    parser.add_argument("--against", action="append", default=[], metavar="NOTE", help="a checkpoint kept elsewhere")
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help="the key that must have signed it")
    options = parser.parse_args()
    keys, notes = [], []
    for text in options.key:
        try:
            keys.append(Key(text))
        except ValueError as fault:
            return usage(f"--key is not a verifier key, NAME+ID+KEY: {fault}")
    try:
        for path in options.against:
            with open(path, "rb") as file:
                data = file.read(64 * 1024 + 1)
            try:
                notes.append(Note(data))
            except (ValueError, binascii.Error) as fault:
                raise Broken(None, f"the checkpoint: {ascii(str(fault))[1:-1]}") from None
        verifier = Verifier(notes, keys)
        source = sys.stdin.buffer if options.file == "-" else open(options.file, "rb")
        with source:
            for data in source:
                verifier.push_text(data[:-1] if data.endswith(b"\n") else data)
        verifier.finish()
    except OSError as fault:
        return usage(f"{fault.filename}: {fault.strerror}")
    except Broken as broken:
        print(f"BROKEN {broken}")
        return 8
    count = verifier.last + 1 - verifier.first if verifier.first else 0
    print(f"whole: {count} events, {verifier.first} to {verifier.last}, of store {ascii(verifier.store)}")
    print(f"head   {verifier.head.hex()}")
    if verifier.tree or verifier.store is None:
        print(f"root   {(verifier.tree or Tree()).root().hex()}")
    print(f"erased {len(verifier.missing)}")
    for note in verifier.agreed:
        print(f"agrees with the checkpoint over {note.size} events" + (f", signed by {note.signed_by!r}" if note.signed_by else ""))
    for sentence in verifier.open:
        print(f"cannot prove {sentence}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
