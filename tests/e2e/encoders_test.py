"""Files of real programs and phones through the API, Tidegate and the optimizer: what is stored is exactly the picture,
and its pixels come out as they are."""
import hashlib
import struct
import tempfile
import unittest

import encoders
from encoders import COLUMNS, DISPLAY_P3, ROWS, SRGB, TILE, exif, exif_segment, segment
from photo import png_chunk
from programs import Stack, http
from uploads import CONTENT_TYPE, form, send

TEXT, POSITION = b"x", "bottom-right"


def key_of(picture):
    parts = picture, TEXT, POSITION.encode()
    return hashlib.sha256(b"".join(parts) + b"".join(struct.pack(">Q", len(part)) for part in parts)).hexdigest()


def table(colour_of):
    return [[colour_of(x, y) for x in range(COLUMNS)] for y in range(ROWS)]


# Colours that both sRGB and Display P3 have.
TILES = table(lambda x, y: (90 + 15 * x, 100 + 20 * y, 120 + (x * 5 + y * 11) % 60))
XMP = b"http://ns.adobe.com/xap/1.0/\0"


def upright(tiles, orientation):
    """As they are shown: 6 is stored turned to the left (TIFF 6.0)."""
    return [list(row) for row in zip(*tiles[::-1])] if orientation == 6 else tiles


def opaque(tiles):
    return [[tuple(tile) + (255,) for tile in row] for row in tiles]


def in_profile(tiles, primaries, top=255):
    return [[encoders.to_srgb(primaries, [value / top for value in tile[:3]]) + (tile[3] * 255 / top,) for tile in row]
            for row in tiles]


def samsung_block(content):
    block = struct.pack("<HH", 0, 0x0A01) + content
    entry = struct.pack("<HHII", 0, 0x0A01, len(block), len(block))
    directory = b"SEFH" + struct.pack("<II", 106, 1) + entry
    return block + directory + struct.pack("<I", len(directory)) + b"SEFT"


def movie():
    def box(kind, data):
        return struct.pack(">I4s", len(data) + 8, kind) + data
    return box(b"ftyp", b"mp42\0\0\0\0isommp42") + box(b"mdat", bytes(range(256)) * 20 + b"\xff\xd8\xff\xd9")


def canon_vrd(data):
    """The trailer of Digital Photo Professional: a header of 28 bytes and a footer of 64."""
    name = b"CANON OPTIONAL DATA\0"
    return (name + struct.pack(">II", 0x00010000, len(data)) + data +
            (name + struct.pack(">I", len(data))).ljust(64, b"\0"))


class Encoders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        cls.addClassCleanup(folder.cleanup)
        cls.stack = Stack(folder.name)
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()

    def pixels(self, picture):
        answer = http("POST", self.stack.urls["optimizer"] + "/optimize?text=x&format=png", picture)
        self.assertEqual(answer.status, 200, answer.body[:300])
        return encoders.read_png(answer.body)

    def compare(self, rows, tiles, within, margin=0):
        """The upper half, which the text does not reach; `margin` pixels at the edges of a tile do not count."""
        self.assertEqual((len(rows[0]), len(rows)), (len(tiles[0]) * TILE, len(tiles) * TILE))
        inner = range(margin, TILE - margin)
        for y in (y for y in range(len(rows) // 2) if y % TILE in inner):
            for x in (x for x in range(len(rows[0])) if x % TILE in inner):
                found, wanted = rows[y][x] + (255,) * (4 - len(rows[y][x])), tiles[y // TILE][x // TILE]
                worst = max(abs(a - b) for a, b in zip(found[:3], wanted))
                self.assertTrue(worst <= within and found[3] == round(wanted[3]), (x, y, found, wanted))

    def passes(self, picture, trailer, tiles, within=0, result_within=0, margin=0, stored=None):
        """`stored`: the picture, where it is not as it was sent. `within`: of the decoded original; `result_within`,
        with that `margin`: of the result, in its own format."""
        answer = send(self.stack.urls["api"], form(picture + trailer, TEXT, POSITION), CONTENT_TYPE)
        self.assertEqual(answer.status, 200, answer.body[:300])
        stored = stored or picture
        key = key_of(stored)
        self.assertEqual(answer.fields["x-image-key"], key)
        file = (self.stack.folder / "api" / "originals" / key).read_bytes()
        self.assertEqual(file[file.index(b"\n") + 1:], stored)
        self.compare(self.pixels(stored), tiles, within)
        self.compare(self.pixels(answer.body), tiles, result_within, margin)

    def passes_jpeg(self, segments, trailer, progressive=False, end=True):
        """YCbCr rounds to 1; the result has half the chroma in each direction and is of quality 85."""
        whole = encoders.jpeg(TILES, segments, progressive)
        self.passes(whole if end else whole[:-2], trailer, opaque(TILES), 1, 4, 3, whole)

    def test_an_iphone_photo_with_a_wide_profile_turned_and_a_gain_map_behind_it(self):
        index = segment(0xE2, b"MPF\0MM\0*\0\0\0\x08" + bytes(40))
        soft = table(lambda x, y: (100 + 10 * x, 100 + 8 * x + 6 * y, 110 + 10 * y))  # a rounding of YCbCr stays small
        picture = encoders.jpeg(soft, exif_segment(">", 6, maker="Apple") +
                                encoders.icc_segment(encoders.profile(DISPLAY_P3)) + index)
        tiles = upright(in_profile(opaque(soft), DISPLAY_P3), 6)
        self.passes(picture, encoders.jpeg(TILES[:2]), tiles, 3, 6, 3)

    def test_a_galaxy_photo_with_a_samsung_block(self):
        self.passes_jpeg(exif_segment("<", maker="samsung"), samsung_block(b"\x0e\0\0\0Image_UTC_Data1700000000000"))

    def test_a_galaxy_panorama_without_its_end(self):
        self.passes_jpeg(exif_segment("<", maker="samsung"), samsung_block(b"\x12\0\0\0Panorama_Shot_Info0100"), end=False)

    def test_a_pixel_motion_photo(self):
        about = XMP + b'<x:xmpmeta><rdf:Description GCamera:MotionPhoto="1"/></x:xmpmeta>'
        self.passes_jpeg(exif_segment("<", maker="Google") + segment(0xE1, about), movie())

    def test_a_canon_photo_with_a_recipe(self):
        self.passes_jpeg(exif_segment("<", maker="Canon"), canon_vrd(bytes(range(256)) * 4))

    def test_a_photo_captioned_in_photo_mechanic(self):
        data = b"\xff\xd8\xff\xda" + bytes(60)
        caption = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x08\x1c\x02x\0\x03abc\0")
        self.passes_jpeg(caption, data + struct.pack(">I", len(data)) + b"cbipcbbl")

    def test_a_progressive_jpeg_of_photoshop_with_a_line_end(self):
        adobe = segment(0xEE, b"Adobe\0d\0\0\0\0\x01")
        self.passes_jpeg(segment(0xE0, b"JFIF\0\1\2\1\0\x48\0\x48\0\0") + adobe, b"\r\n", progressive=True)

    def test_a_screenshot_cropped_in_markup_with_its_old_end(self):
        old = encoders.png(table(lambda x, y: (1, 2, 3)), 8, 2)
        picture = encoders.png(TILES, 8, 2, png_chunk(b"sBIT", b"\x08\x08\x08"))
        self.passes(picture, old[len(old) // 2:], opaque(TILES))

    def test_a_screenshot_of_macos_with_16_bits_alpha_and_a_wide_profile(self):
        samples = table(lambda x, y: tuple(257 * value for value in TILES[y][x]) + ((0x8000, 0x0290, 0xFFFF)[x % 3],))
        chunks = (encoders.icc_chunk(encoders.profile(DISPLAY_P3)) + png_chunk(b"pHYs", struct.pack(">IIB", 5669, 5669, 1)) +
                  png_chunk(b"eXIf", exif(">")) + png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>") +
                  png_chunk(b"iDOT", struct.pack(">7I", 2, 0, 48, 40, 48, 48, 40)))
        self.passes(encoders.png(samples, 16, 6, chunks), b"", in_profile(samples, DISPLAY_P3, 65535), 3, 3)

    def test_a_grey_png_of_gimp_with_16_bits_and_alpha(self):
        samples = table(lambda x, y: (4099 * x + 257 * y, 65535 - 8000 * x))
        chunks = (png_chunk(b"bKGD", b"\xff\xff") + png_chunk(b"pHYs", struct.pack(">IIB", 11811, 11811, 1)) +
                  png_chunk(b"tIME", struct.pack(">H5B", 2024, 1, 2, 3, 4, 5)) + png_chunk(b"tEXt", b"Comment\0Created with GIMP"))
        tiles = [[(round(grey / 257),) * 3 + (alpha / 257,) for grey, alpha in row] for row in samples]
        self.passes(encoders.png(samples, 16, 4, chunks), b"\n", tiles)

    def test_a_png_of_windows_with_a_gamma(self):
        chunks = png_chunk(b"sRGB", b"\0") + png_chunk(b"gAMA", struct.pack(">I", 45455))
        self.passes(encoders.png(TILES, 8, 2, chunks + png_chunk(b"pHYs", struct.pack(">IIB", 3779, 3779, 1))), b"\0" * 7,
                    opaque(TILES))

    def test_a_webp_with_alpha_a_profile_and_metadata(self):
        tiles = table(lambda x, y: (90 + 90 * (x % 2), 120 + 60 * (y % 2), 100 + 40 * (x // 2 % 2), 255 - 100 * (x // 4)))
        picture = encoders.webp(tiles, encoders.profile(SRGB), exif("<"))
        self.passes(picture, b"\n", in_profile(tiles, SRGB), 2, 8, 4)


if __name__ == "__main__":
    unittest.main()
