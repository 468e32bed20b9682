"""Files that lie: seeded changes of good ones."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence

# Counts, sizes and offsets at which readers go wrong.
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
FORMATS = ("<B", "<H", ">H", "<I", ">I")
# What text formats and people's names stumble over.
WORDS = (
    *(b"nan", b"-1", b"1e999", b"0", b"true", b"[]", b"{}", b'""', b"null", b"../", b"/etc/passwd", b"\\"),
    *(
        b"\x00",
        b"\n",
        b"\r\n",
        b"\x1b[2J",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b'"',
        b"'",
        b",",
        b";",
        b"=",
        b"[",
        b"{",
    ),
    *(b"9" * 400, b"[" * 2000, b"a" * 70000, b"=1\n" * 500, "‮".encode(), b"$HOME", b"%s%n", b"#"),
)


def mutated(seeds: Sequence[bytes], case: int, seed: int = 0) -> bytes:
    """A damaged copy of one of ``seeds``; the same for the same numbers.

    Args:
        seeds: good files.
        case: which one.
        seed: another one gives other cases.
    """
    chance = random.Random(f"{seed} {case}")
    data = bytearray(chance.choice(seeds))
    if chance.random() < 0.4:  # what is nearly right is read further than what is not
        chance.choice(_SMALL)(data, seeds, chance)
    else:
        for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
            chance.choice(_CHANGES)(data, seeds, chance)
    whole = bytes(data)
    # Behind a wrong checksum nothing is read: half of the PNGs get right ones.
    return _summed(whole) if whole.startswith(_PNG) and chance.random() < 0.5 else whole


def _flip(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 4, 16))):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _letter(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    """One letter, digit or bracket for another: text stays text."""
    places = [at for at, value in enumerate(data[:65536]) if 0x21 <= value < 0x7F]
    if places:
        data[chance.choice(places)] = chance.choice(b'0123456789-.aAz[]{}",:/')


def _number(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    form = chance.choice(FORMATS)
    size = struct.calcsize(form)
    if len(data) >= size:
        # Headers stand in front: most numbers that matter are there.
        last = len(data) - size
        at = chance.randrange(min(last, 512) + 1 if chance.random() < 0.7 else last + 1)
        struct.pack_into(form, data, at, chance.choice(NUMBERS) % (1 << 8 * size))


def _word(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    end = at + chance.choice((0, 0, 1, 4))
    data[at:end] = chance.choice(WORDS)


def _cut(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _drop(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.choice((1, 4, 64, 1024))]


def _repeat(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at, size = chance.randrange(len(data) + 1), chance.choice((1, 16, 256))
    data[at:at] = data[at : at + size] * chance.choice((1, 2, 30))


def _noise(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at, size = chance.randrange(len(data) + 1), chance.choice((1, 8, 64))
    data[at : at + size] = chance.randbytes(size)


def _splice(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    other = chance.choice(seeds)
    data[chance.randrange(len(data) + 1) :] = other[chance.randrange(len(other) + 1) :]


_SMALL = (_letter, _number, _word, _repeat)
_CHANGES = (_flip, _flip, _number, _number, _number, _word, _cut, _drop, _repeat, _noise, _splice)
_PNG = b"\x89PNG\r\n\x1a\n"


def _summed(data: bytes) -> bytes:
    """A PNG whose chunks have right checksums, as far as its lengths make sense."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        out += data[at:end] + zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out + data[at:])
