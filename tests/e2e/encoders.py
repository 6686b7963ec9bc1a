"""Pictures as programs and phones write them, byte for byte from public documentation, with nothing but the standard
library. A picture is a table of tiles of one colour: what a decoder makes of them is known exactly."""
import struct
import zlib

from photo import png_chunk, png_file

TILE = 16  # pixels
COLUMNS, ROWS = 8, 6

# ICC.1: matrices to XYZ, adapted to D50.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
TO_LINEAR_SRGB = ((3.13386, -1.61687, -0.49061), (-0.97877, 1.91614, 0.03345), (0.07195, -0.22899, 1.40524))
GAMMA = 563  # in 1/256


def profile(primaries):
    """An ICC profile with these primaries and a gamma of GAMMA."""
    def xyz(values):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))
    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, GAMMA)
    d50 = (0.9642, 1, 0.8249)
    tags = [(b"wtpt", xyz(d50))] + list(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, primaries)))
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, values = struct.pack(">I", len(tags)), b""
    for name, value in tags:
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(values), len(value))
        values += value
    head = struct.pack(">I4xI4s4s4s12x4s", 128 + len(table) + len(values), 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return head.ljust(68, b"\0") + xyz(d50)[8:] + bytes(48) + table + values


def to_srgb(primaries, colour):
    """What a colour from 0 to 1 of that profile is in sRGB, 0 to 255 (IEC 61966-2-1)."""
    linear = [value ** (GAMMA / 256) for value in colour]
    xyz = [sum(linear[i] * primaries[i][axis] for i in range(3)) for axis in range(3)]
    out = [min(1, max(0, sum(row[axis] * xyz[axis] for axis in range(3)))) for row in TO_LINEAR_SRGB]
    return tuple(255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055) for v in out)


def exif(order, orientation=1, maker="Example"):
    """TIFF 6.0, "<" or ">": the maker and the orientation."""
    text = maker.encode() + b"\0"
    entries = struct.pack(order + "HHIIHHIHxx", 0x10F, 2, len(text), 38, 0x112, 3, 1, orientation)
    return (b"II" if order == "<" else b"MM") + struct.pack(order + "HIH", 42, 8, 2) + entries + bytes(4) + text


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def exif_segment(*arguments, **more):
    return segment(0xE1, b"Exif\0\0" + exif(*arguments, **more))


def icc_segment(data):
    return segment(0xE2, b"ICC_PROFILE\0\1\1" + data)


class Bits:
    def __init__(self):
        self.value = self.count = 0

    def add(self, value, count):
        self.value, self.count = self.value << count | value, self.count + count

    def stuffed(self):
        """Padded with ones, and a zero byte after each FF (ITU-T T.81, F.1.2.3)."""
        pad = -self.count % 8
        data = (self.value << pad | (1 << pad) - 1).to_bytes((self.count + pad) // 8, "big")
        return data.replace(b"\xff", b"\xff\0")


def _dc(bits, difference):
    """A category as 4 bits, and its value."""
    size = abs(difference).bit_length()
    bits.add(size, 4)
    bits.add(difference if difference > 0 else difference + (1 << size) - 1, size)


# All quantizers are 1: a tile's mean is exact. Code 0 of the AC table, one bit, ends a block.
_TABLES = (segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC4, b"\0" + bytes((0, 0, 0, 12)) + bytes(12) + bytes(range(12))) +
           segment(0xC4, b"\x10" + b"\1" + bytes(15) + b"\0"))


def _components(tiles):
    """The tables of Y, Cb and Cr (ITU-T T.871), less 128 and times 8: the DC coefficients."""
    def component(red, green, blue, offset):
        return [[8 * round(red * r + green * g + blue * b + offset - 128) for r, g, b in row] for row in tiles]
    return [component(0.299, 0.587, 0.114, 0), component(-0.168736, -0.331264, 0.5, 128),
            component(0.5, -0.418688, -0.081312, 128)]


def _scan(tables, first, with_dc, with_ac):
    """Blocks of 8 pixels of these components, interleaved."""
    bits, before = Bits(), [0] * len(tables)
    for y in range(len(tables[0]) * TILE // 8):
        for x in range(len(tables[0][0]) * TILE // 8):
            for i, table in enumerate(tables):
                value = table[y * 8 // TILE][x * 8 // TILE]
                if with_dc:
                    _dc(bits, value - before[i])
                before[i] = value
                if with_ac:
                    bits.add(0, 1)
    spectrum = (0 if with_dc else 1, 63 if with_ac else 0, 0)
    head = bytes((len(tables),)) + b"".join(bytes((first + i, 0)) for i in range(len(tables))) + bytes(spectrum)
    return segment(0xDA, head) + bits.stuffed()


def jpeg(tiles, segments=b"", progressive=False):
    height, width = len(tiles) * TILE, len(tiles[0]) * TILE
    tables = _components(tiles)
    frame = struct.pack(">BHHB", 8, height, width, 3) + b"".join(bytes((i, 0x11, 0)) for i in (1, 2, 3))
    scans = [_scan(tables, 1, True, not progressive)]
    if progressive:
        scans += [_scan([table], 1 + i, False, True) for i, table in enumerate(tables)]
    return b"\xff\xd8" + segments + _TABLES + segment(0xC2 if progressive else 0xC0, frame) + b"".join(scans) + b"\xff\xd9"


def png(samples, depth, colour_type, chunks=b""):
    """`samples`: a table of tiles, each a tuple of samples of 8 or 16 bits."""
    rows = b""
    for row in samples:
        line = b"".join(struct.pack(f">{len(tile)}{'B' if depth == 8 else 'H'}", *tile) * TILE for tile in row)
        rows += (b"\0" + line) * TILE
    size = (len(samples[0]) * TILE, len(samples) * TILE)
    return png_file(size, (depth, colour_type), zlib.compress(rows), chunks)


def icc_chunk(data):
    return png_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(data))


def riff(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp(tiles, profile_data, exif_data):
    """Lossless and extended (RFC 9649). Each channel of all tiles, RGBA, has two values."""
    height, width = len(tiles) * TILE, len(tiles[0]) * TILE
    green_first = (1, 0, 2, 3)
    pairs = [sorted({tile[channel] for row in tiles for tile in row}) for channel in range(4)]
    bits = []

    def put(value, count):
        bits.extend(value >> i & 1 for i in range(count))
    for value, count in ((0x2F, 8), (width - 1, 14), (height - 1, 14), (1, 1), (0, 3)):
        put(value, count)
    put(0, 3)  # no transform, no cache of colours, one group of prefix codes
    for channel in green_first:
        put(0b111, 3)  # simple, two symbols, the first of 8 bits
        for value in pairs[channel]:
            put(value, 8)
    put(0b0001, 4)  # of distances: simple, one symbol, of one bit: 0
    for row in tiles:
        line = [pairs[channel].index(tile[channel]) for tile in row for _ in range(TILE) for channel in green_first]
        bits.extend(line * TILE)
    data = int("".join(map(str, reversed(bits))), 2)
    canvas = struct.pack("<I", 0x38) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    frame = riff(b"VP8L", data.to_bytes((len(bits) + 7) // 8, "little"))
    return riff(b"RIFF", b"WEBP" + riff(b"VP8X", canvas) + riff(b"ICCP", profile_data) + frame +
                riff(b"EXIF", exif_data))


def read_png(data):
    """The rows of an 8-bit PNG without a palette, each a list of tuples of samples."""
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        at += 12 + length
        if kind == b"IHDR":
            width, height, depth, colour_type = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and colour_type in (0, 2, 4, 6), (depth, colour_type)
        packed += body if kind == b"IDAT" else b""
    bands = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    raw, size, rows = zlib.decompress(packed), width * bands, []
    above = bytes(size)
    for y in range(height):
        start = y * (size + 1)
        above = _unfilter(raw[start], bytearray(raw[start + 1:start + 1 + size]), above, bands)
        rows.append([tuple(above[x:x + bands]) for x in range(0, size, bands)])
    return rows


def _unfilter(kind, row, above, bands):
    """The five filters of PNG."""
    for i in range(len(row) if kind else 0):
        left = row[i - bands] if i >= bands else 0
        corner = above[i - bands] if i >= bands else 0
        if kind == 4:
            slope = left + above[i] - corner
            guess = min((left, above[i], corner), key=lambda value: abs(slope - value))
        else:
            guess = (0, left, above[i], (left + above[i]) // 2)[kind]
        row[i] = row[i] + guess & 0xFF
    return bytes(row)
