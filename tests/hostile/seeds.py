"""Good files of every kind that hairseg reads, small."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, features

from pictures import encoded


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 24)) -> Image.Image:
    """A slope of colours with some noise."""
    chance = np.random.default_rng(0)
    rows, columns = np.mgrid[: size[1], : size[0]]
    planes = np.stack([rows * 5, columns * 5, rows + columns], axis=-1) + chance.integers(
        0, 9, (*rows.shape, 3)
    )
    return Image.fromarray(planes.astype(np.uint8)).convert(mode)


def profile() -> bytes:
    """An ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> bytes:
    """Orientation, a name and a place."""
    tags = Image.Exif()
    tags[0x0112] = 6
    tags[0x010E] = "a description"
    tags.get_ifd(0x8825)[1] = "N"
    return tags.tobytes()


def jpeg() -> list[bytes]:
    """Baseline, progressive, grey, CMYK, with restarts, EXIF and a profile."""
    return [
        encoded(picture(), "JPEG", exif=exif(), icc_profile=profile()),
        encoded(picture(), "JPEG", progressive=True, subsampling=0),
        encoded(picture("L"), "JPEG"),
        encoded(picture("CMYK"), "JPEG"),
        encoded(picture(), "JPEG", restart_marker_blocks=1, comment=b"x"),
        encoded(picture(), "MPO", save_all=True, append_images=[picture()]),
    ]


def png() -> list[bytes]:
    """Colours, grey, palette, transparency, 1 bit, 16 bit, animated, interlaced by Adam7, EXIF and a profile."""
    deep = Image.fromarray((np.arange(960, dtype=np.uint16) * 60).reshape(24, 40))
    flat = picture("P")
    return [
        encoded(picture(), "PNG", exif=exif(), icc_profile=profile()),
        encoded(picture("RGBA"), "PNG"),
        encoded(picture("LA"), "PNG"),
        encoded(flat, "PNG", transparency=3),
        encoded(picture("1"), "PNG"),
        encoded(deep, "PNG"),
        encoded(picture(), "PNG", save_all=True, append_images=[picture("RGB")], duration=20),
    ]


def webp() -> list[bytes]:
    """Lossy, lossless, transparent, animated."""
    return [
        encoded(picture(), "WEBP", exif=exif(), icc_profile=profile()),
        encoded(picture("RGBA"), "WEBP", lossless=True),
        encoded(picture(), "WEBP", save_all=True, append_images=[picture("L").convert("RGB")]),
    ]


def gif() -> list[bytes]:
    """Still, animated, transparent."""
    return [
        encoded(picture("P"), "GIF"),
        encoded(picture("P"), "GIF", save_all=True, append_images=[picture("L")], transparency=2),
    ]


def tiff() -> list[bytes]:
    """Compressions, depths, pages, EXIF and a profile."""
    kinds = [
        encoded(picture(), "TIFF", compression=kind) for kind in ("raw", "tiff_lzw", "tiff_deflate", "jpeg")
    ]
    deep = Image.fromarray((np.arange(960, dtype=np.uint16) * 60).reshape(24, 40))
    return [
        *kinds,
        encoded(picture("1"), "TIFF", compression="group4"),
        encoded(picture("CMYK"), "TIFF", compression="packbits"),
        encoded(deep, "TIFF"),
        encoded(deep.convert("F"), "TIFF"),
        encoded(
            picture(), "TIFF", save_all=True, append_images=[picture("L")], exif=exif(), icc_profile=profile()
        ),
    ]


def bmp() -> list[bytes]:
    """Depths, and the icons that hold such pictures."""
    return [encoded(picture(mode), "BMP") for mode in ("RGB", "P", "1", "L")] + [encoded(picture(), "ICO")]


def others() -> list[bytes]:
    """Formats that Pillow opens without being asked: whatever a file says that it is."""
    plain = [("RGB", "PPM"), ("L", "PPM"), ("1", "PPM"), ("RGB", "TGA"), ("RGB", "PCX"), ("RGB", "SGI")]
    more = [("RGB", "DDS"), ("L", "IM"), ("RGB", "QOI"), ("RGB", "SPIDER"), ("1", "XBM"), ("1", "MSP")]
    found = [encoded(picture(mode), format) for mode, format in plain]
    for mode, format in more:
        try:
            found.append(encoded(picture(mode), format))
        except (KeyError, OSError, ValueError):  # not written by this Pillow
            continue
    found.append(encoded(picture(), "TGA", compression="tga_rle"))
    found.append(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    if features.check("jpg_2000"):
        found.append(encoded(picture(), "JPEG2000"))
    return found


def avif() -> list[bytes]:
    """AV1 in HEIF's box, where this Pillow writes it."""
    if not features.check("avif"):
        return []
    return [
        encoded(picture(), "AVIF", exif=exif(), icc_profile=profile()),
        encoded(picture("RGBA"), "AVIF", save_all=True, append_images=[picture("RGBA")]),
    ]


def heic() -> list[bytes]:
    """One HEVC picture in HEIF's boxes (ISO/IEC 23008-12), as make_heic.py put it together.

    Kept as a file: what an encoder writes depends on the machine, and on some its own muxer refuses it.
    """
    return [Path(__file__).with_name("picture.heic").read_bytes()]


def masks() -> list[bytes]:
    """Masks of 0 and 255, of indices, of a palette."""
    hair = picture("L").point(lambda value: 255 * (value > 90))
    indices = picture("L").point(lambda value: value // 64)
    return [
        encoded(hair, "PNG"),
        encoded(hair.convert("1"), "PNG"),
        encoded(indices, "PNG"),
        encoded(picture("P").quantize(4), "PNG"),
        encoded(hair.convert("1"), "PPM"),
        encoded(hair, "TIFF"),
    ]


def videos() -> list[bytes]:
    """MP4, WebM, AVI, MPEG-TS, GIF; one with sound and a rotation."""
    from clips import write_clip

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, options in (
            ("a.mp4", {"sound": "aac", "rotation": 90}),
            ("b.webm", {"codec": "libvpx-vp9"}),
            ("c.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}),
            ("d.ts", {}),
            ("e.gif", {"codec": "gif", "pixels": "rgb8"}),
        ):
            path = write_clip(Path(folder, name), (0, 40, 80), **options)  # type: ignore[arg-type]
            found.append(path.read_bytes())
    return [*found, *playlists()]


def playlists(address: str = "other.mp4") -> list[bytes]:
    """Texts that tell FFmpeg to read something else."""
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    texts = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{address}'\nduration 1\n",
        sdp + "a=rtpmap:96 H264/90000\n",
    )
    return [text.encode() for text in texts]


def models() -> list[bytes]:
    """The toy model."""
    from toys import write_toy_model

    with tempfile.TemporaryDirectory() as folder:
        return [write_toy_model(Path(folder, "toy.onnx")).read_bytes()]


def tensors() -> list[bytes]:
    """A safetensors file with our header, and one without."""
    from safetensors.numpy import save

    data = {"a.weight": np.zeros((2, 3), np.float32), "a.bias": np.ones(2, np.int64)}
    net = {"backbone": "squeezenet1_1", "backbone_stages": 1, "bins": [1, 2], "classes": 1}
    return [
        save(data, {"hairseg": json.dumps({"recipe": {"name": "toy"}})}),
        save(data, {"hairseg": json.dumps({"net": net, "mean": [0.5] * 3, "std": [0.5] * 3})}),
        save(data),
    ]


def pickles() -> list[bytes]:
    """What torch.save writes: today's archive, and the old form."""
    import torch

    state = {"state_dict": {"a.weight": torch.zeros(2, 3), "a.bias": torch.ones(2)}, "epoch": 3}
    found = []
    for new in (True, False):
        buffer = io.BytesIO()
        torch.save(state, buffer, _use_new_zipfile_serialization=new)
        found.append(buffer.getvalue())
    return found


def recipes() -> list[bytes]:
    """The recipes of this repository."""
    folder = Path(__file__).parents[2] / "recipes"
    return [path.read_bytes() for path in sorted(folder.glob("*.toml"))]


def manifests() -> list[bytes]:
    """A list of photos and masks."""
    return [
        b'image,mask,split,hairstyle,tags,labels\na.jpg,m/a.png,train,curly,gray;dup,l/a.png\n"b,1.jpg",,test,,,\n',
        "\ufeffimage,mask\r\n머리.jpg,머리.png\r\n".encode(),
    ]


def class_lists() -> list[bytes]:
    """Names and colours of classes."""
    return [b'name,color,index\nbackground,#000000,0\nhair,#7f0000,1\n"skin, bare",teal,2\n']


def metadata() -> list[bytes]:
    """What an ONNX file of ours says about itself."""
    from toys import METADATA

    return [json.dumps(METADATA).encode()]


def settings() -> list[bytes]:
    """Colours, Accept headers, addresses: short texts from strangers."""
    return [
        b"#7a3b1d",
        b"honey blonde",
        b"rgb(1,2,3)",
        b"image/png;q=0.5, */*",
        b"hsl(20,50%,40%)",
        b"curl/8",
    ]


def run_lengths() -> list[bytes]:
    """A mask in COCO's run lengths."""
    from hairseg.rle import to_rle

    mask = np.random.default_rng(0).random((9, 7)) > 0.5
    return [json.dumps(to_rle(mask)).encode()]


def bodies() -> list[bytes]:
    """Requests of the service as they come: a photo, and forms."""
    photo = encoded(picture(), "PNG")
    head = b'--limit\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n'
    form = head + b"Content-Type: image/png\r\n\r\n" + photo + b"\r\n--limit--\r\n"
    two = b'--limit\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' + form
    return [photo, form, two]
