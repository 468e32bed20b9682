"""Pictures of the formats that nobody sends, one each: Pillow opens whatever a file says that it is.

Those that Pillow does not write are put together here, 40 x 24 pixels, after the readers' own description.
"""

from __future__ import annotations

import struct

from PIL import Image

from pictures import encoded

WIDTH, HEIGHT = 40, 24
GREY = bytes(range(240)) * 4
RGB = GREY * 3


def files() -> list[bytes]:
    """A file of every format here."""
    return [make() for make in _ALL]


def _picture() -> Image.Image:
    return Image.frombytes("RGB", (WIDTH, HEIGHT), RGB)


def _icns() -> bytes:
    small = encoded(_picture().resize((32, 32)), "PNG")
    return struct.pack(">4sI4sI", b"icns", 16 + len(small), b"ic11", 8 + len(small)) + small


def _blp() -> bytes:
    return encoded(_picture().convert("P"), "BLP")


def _dib() -> bytes:
    return encoded(_picture(), "DIB")


def _cur() -> bytes:
    dib = bytearray(_dib())
    struct.pack_into("<I", dib, 8, 2 * HEIGHT)  # the picture, then its mask
    dib += bytes(len(dib))
    return struct.pack("<HHHBBBBHHII", 0, 2, 1, WIDTH, HEIGHT, 0, 0, 1, 1, len(dib), 22) + dib


def _dcx() -> bytes:
    return struct.pack("<III", 0x3ADE68B1, 12, 0) + encoded(_picture(), "PCX")


def _fits() -> bytes:
    cards = (
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
    )
    sizes = (f"NAXIS1  = {WIDTH:20}", f"NAXIS2  = {HEIGHT:20}", "END")
    return b"".join(card.ljust(80).encode() for card in (*cards, *sizes)).ljust(2880) + GREY


def _fli() -> bytes:
    chunk = struct.pack("<IH", 6 + len(GREY), 16) + GREY
    frame = struct.pack("<IHH8x", 16 + len(chunk), 0xF1FA, 1) + chunk
    head = struct.pack("<IHHHHHHI", 128 + len(frame), 0xAF12, 1, WIDTH, HEIGHT, 8, 0, 70)
    return head.ljust(128, b"\0") + frame


def _ftex() -> bytes:
    head = b"FTEX" + struct.pack("<IIIII", 1, WIDTH, HEIGHT, 1, 1) + struct.pack("<II", 1, 32)
    return head + struct.pack("<I", len(RGB)) + RGB


def _gbr() -> bytes:
    return struct.pack(">IIIII4sI", 34, 2, WIDTH, HEIGHT, 1, b"GIMP", 10) + b"brush\0" + GREY


def _imt() -> bytes:
    return f"width {WIDTH}\nheight {HEIGHT}\npixel n8\n\x0c".encode() + GREY


def _iptc() -> bytes:
    def field(group: int, number: int, data: bytes) -> bytes:
        return struct.pack(">BBBH", 0x1C, group, number, len(data)) + data

    head = field(3, 60, b"\1\0") + field(3, 20, struct.pack(">H", WIDTH))
    return head + field(3, 30, struct.pack(">H", HEIGHT)) + field(3, 120, b"\1") + field(8, 10, GREY)


def _mcidas() -> bytes:
    words = [0] * 64
    words[1], words[8], words[9], words[10], words[13], words[33] = 4, HEIGHT, WIDTH, 1, 1, 256
    return struct.pack(">64i", *words) + GREY


def _pcd() -> bytes:
    return bytes(2048) + b"PCD_".ljust(1539, b"\0") + bytes(3000)


def _pixar() -> bytes:
    head = bytearray(1024)
    head[:4] = b"\200\350\000\000"
    for place, value in ((416, HEIGHT), (418, WIDTH), (424, 14), (426, 2)):
        struct.pack_into("<H", head, place, value)
    return bytes(head) + RGB


def _psd() -> bytes:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, HEIGHT, WIDTH, 8, 3)
    return head + struct.pack(">III", 0, 0, 0) + struct.pack(">H", 0) + RGB


def _sun() -> bytes:
    return struct.pack(">8I", 0x59A66A95, WIDTH, HEIGHT, 8, len(GREY), 1, 0, 0) + GREY


def _xpm() -> bytes:
    rows = ",\n".join(f'"{"ab" * (WIDTH // 2)}"' for _ in range(HEIGHT))
    palette = '"a c #102030",\n"b c #ffeedd",\n'
    return f'/* XPM */\nstatic char * x[] = {{\n"{WIDTH} {HEIGHT} 2 1",\n{palette}{rows}}};\n'.encode()


def _thumbnail() -> bytes:
    return f"P7 332\n#END_OF_COMMENTS\n{WIDTH} {HEIGHT} 255\n".encode() + GREY


def _wmf() -> bytes:
    return b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<4hH4xH", 0, 0, 400, 240, 1440, 0) + b"\1\0\t\0" + bytes(60)


def _bufr() -> bytes:
    return b"BUFR\0\0\x40\4" + bytes(60)


def _grib() -> bytes:
    return b"GRIB\0\0\x40\1" + bytes(60)


def _hdf() -> bytes:
    return b"\x89HDF\r\n\x1a\n" + bytes(60)


def _mpeg() -> bytes:
    return b"\0\0\1\xb3" + (WIDTH << 12 | HEIGHT).to_bytes(3, "big") + bytes(60)


_ALL = (
    *(_icns, _blp, _dib, _cur, _dcx, _fits, _fli, _ftex, _gbr, _imt, _iptc, _mcidas, _pcd, _pixar),
    *(_psd, _sun, _xpm, _thumbnail, _wmf, _bufr, _grib, _hdf, _mpeg),
)
