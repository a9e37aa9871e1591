"""Makes the images of this folder and the pixels that Pillow reads from them.

    pip install pillow==13.0.0 numpy
    python generate.py

Each `image_*` has its pixels beside it: `expected_*.bin` holds width and height (16 bits each, least significant byte
first), then red, green and blue of every pixel, then its luma.
"""

import pathlib
import struct

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent


def picture(width, height):
    rng = np.random.default_rng(width * 1000 + height)
    y, x = np.mgrid[0:height, 0:width]
    a = np.stack(
        [128 + 100 * np.sin(x / 7 + y / 11), 128 + 90 * np.cos(x / 5 - y / 9), (x * 255 // width + y * 3) % 256], -1
    )
    a += rng.normal(0, 8, a.shape)
    a[height // 3 : height // 2, width // 4 : width // 2] = [255, 0, 30]
    return Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))


def write(name, image, **options):
    path = FOLDER / f"image_{name}"
    image.save(path, **options)
    read = Image.open(path)
    if read.mode.startswith("I"):
        # Pillow clips 16 bits to 8; the decoder keeps the upper 8, as Pillow does for colours.
        grey = (np.array(read).astype(np.uint32) >> 8).astype(np.uint8)
        rgb = np.stack([grey] * 3, -1)
    else:
        rgb, grey = np.array(read.convert("RGB")), np.array(read.convert("L"))
    data = struct.pack("<HH", read.width, read.height) + rgb.tobytes() + grey.tobytes()
    (FOLDER / f"expected_{name}.bin").write_bytes(data)


def main():
    for old in [*FOLDER.glob("image_*"), *FOLDER.glob("expected_*")]:
        old.unlink()
    image = picture(21, 18)
    deep = image.convert("L").point(lambda v: v * 257, "I").convert("I;16")
    translucent = image.convert("RGBA")
    translucent.putalpha(image.convert("L"))

    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        write(f"{mode}.png", image.convert(mode))
    write("16.png", deep)
    write("palette2.png", image.quantize(4), bits=2)
    for mode in ("1", "P", "RGB", "RGBA"):
        write(f"{mode}.bmp", image.convert(mode))
    for mode, ending in (("1", "pbm"), ("L", "pgm"), ("RGB", "ppm")):
        write(f"{mode}.{ending}", image.convert(mode))
    for name, compression in (("raw", "raw"), ("lzw", "tiff_lzw"), ("deflate", "tiff_adobe_deflate"), ("bits", "packbits")):
        write(f"{name}.tif", image, compression=compression, tiffinfo={278: 5})
    write("1.tif", image.convert("1"), compression="packbits")
    write("P.tif", image.convert("P"), compression="tiff_lzw")
    write("16.tif", deep, compression="tiff_lzw", tiffinfo={317: 2})
    write("predicted.tif", image, compression="tiff_lzw", tiffinfo={317: 2})
    write("turned.tif", image, tiffinfo={274: 6})
    for sampling, name in ((0, "444"), (1, "422"), (2, "420")):
        write(f"{name}.jpg", image, quality=80, subsampling=sampling)
        write(f"{name}_progressive.jpg", image, quality=80, subsampling=sampling, progressive=True)
    write("grey.jpg", image.convert("L"))
    write("cmyk.jpg", image.convert("CMYK"))
    write("restarts.jpg", image, restart_marker_blocks=1)
    for quality in (5, 40, 95):
        write(f"lossy{quality}.webp", image, quality=quality)
    write("alpha.webp", translucent, quality=70, exact=True)
    write("lossless.webp", image, lossless=True)
    write("lossless_alpha.webp", translucent, lossless=True, exact=True)
    write("lossless_palette.webp", image.quantize(3).convert("RGB"), lossless=True)
    write("reversible.jp2", image)
    write("grey.jp2", image.convert("L"))
    write("irreversible.jp2", image, irreversible=True)
    write("layers.jp2", image, quality_mode="rates", quality_layers=[20, 10, 4])
    write("tiles.jp2", image, tile_size=(16, 16))
    for progression in ("RLCP", "RPCL", "PCRL", "CPRL"):
        write(f"{progression}.jp2", image, progression=progression, precinct_size=(32, 32), codeblock_size=(8, 8))


if __name__ == "__main__":
    main()
