"""Write picture.heic: one small HEVC picture in HEIF's boxes (ISO/IEC 23008-12), 64 by 64 pixels.

``PYTHONPATH=src:tests python -m hostile.make_heic``
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path
from typing import Any

import av

from .seeds import picture


def heic() -> bytes:
    """The file."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "a.mp4"))
        with av.open(path, "w") as container:
            stream: Any = container.add_stream(
                "libx265", rate=25, options={"x265-params": "log-level=none:info=0"}
            )
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            frame = av.VideoFrame.from_image(picture(size=(64, 64)))
            container.mux([*stream.encode(frame), *stream.encode()])
        with av.open(path) as container:
            video = container.streams.video[0]
            setup = bytes(video.codec_context.extradata or b"")
            data = next(bytes(packet) for packet in container.demux(video))

    def box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
        head = b"" if version is None else struct.pack(">I", version << 24 | flags)
        body = head + b"".join(parts)
        return struct.pack(">I", len(body) + 8) + kind + body

    def meta(offset: int) -> bytes:
        entry = box(b"infe", struct.pack(">HH", 1, 0), b"hvc1\0", version=2)
        place = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(data))
        size = box(b"ispe", struct.pack(">II", 64, 64), version=0)
        return box(
            b"meta",
            box(b"hdlr", struct.pack(">I4s12xx", 0, b"pict"), version=0),
            box(b"pitm", struct.pack(">H", 1), version=0),
            box(b"iinf", struct.pack(">H", 1), entry, version=0),
            box(
                b"iprp",
                box(b"ipco", box(b"hvcC", setup), size),
                box(b"ipma", struct.pack(">IHBBB", 1, 1, 2, 0x81, 2), version=0),
            ),
            box(b"iloc", place, version=0),
            version=0,
        )

    front = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    offset = len(front) + len(meta(0)) + 8
    return front + meta(offset) + box(b"mdat", data)


if __name__ == "__main__":
    Path(__file__).with_name("picture.heic").write_bytes(heic())
