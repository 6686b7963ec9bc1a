"""A photograph-like PNG of any size, from nothing but the standard library."""
import math
import struct
import zlib


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(size, kind, compressed, chunks=b""):
    """`size`: width and height; `kind`: depth and colour type; `compressed`: what IDAT holds."""
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBxxx", *size, *kind)) + chunks +
            png_chunk(b"IDAT", compressed) + png_chunk(b"IEND", b""))


def make_png(width, height):
    """Hills under a sky with a sun: smooth gradients and some grain, as a camera would see them."""
    rows = bytearray()
    noise = 12345
    for y in range(height):
        rows.append(0)
        v = y / height
        for x in range(width):
            u = x / width
            noise = (noise * 1103515245 + 12345) & 0x7FFFFFFF
            grain = (noise >> 16) % 7
            hill = 0.62 + 0.08 * math.sin(u * 9) + 0.04 * math.sin(u * 23)
            sun = math.exp(-((u - 0.7) ** 2 + (v - 0.25) ** 2) * 60)
            if v < hill:
                red, green, blue = 90 + 120 * v + 140 * sun, 140 + 70 * v + 100 * sun, 220 - 40 * v + 20 * sun
            else:
                shade = (v - hill) / (1 - hill)
                red, green, blue = 60 + 30 * shade, 120 - 60 * shade, 50 - 20 * shade
            rows += bytes((min(255, int(red) + grain), min(255, int(green) + grain), min(255, int(blue) + grain)))
    return png_file((width, height), (8, 2), zlib.compress(bytes(rows), 1))
