"""Uploads that were made to do harm, to the real programs: each gets a clear 4xx, and none leaves anything behind."""
import gzip
import json
import struct
import tempfile
import unittest
import zlib

from photo import make_png, png_file
from programs import Stack, eventually
from uploads import BOUNDARY, CONTENT_TYPE, Left, disposition, form, part, send, text_part


def png_announcing(width, height):
    """A PNG whose header and CRC are right, with next to no data for so many pixels."""
    return png_file((width, height), (8, 2), zlib.compress(bytes(1000)))


def jpeg_announcing(jpeg, width, height):
    frame = next(at for at in (jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2")) if at > 0)
    return jpeg[:frame + 5] + struct.pack(">HH", height, width) + jpeg[frame + 9:]


def damaged_inside(png):
    """Whole as far as its chunks go, but not what they hold."""
    at = png.find(b"IDAT") + 40
    return png[:at] + bytes(byte ^ 0x55 for byte in png[at:at + 200]) + png[at + 200:]


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="tidegate-e2e-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.stack = Stack(cls.folder.name)
        cls.addClassCleanup(cls.stack.stop)
        cls.stack.start()
        cls.left = Left(cls.stack)
        cls.png = make_png(120, 80)
        cls.jpeg = cls.left.converted(cls.png, "jpeg")
        cls.webp = cls.left.converted(cls.png, "webp")
        cls.left.remember()

    def refused(self, what, body, status, words, fields=(), content_type=CONTENT_TYPE, whole=True):
        """The answer is that status, as problem+json with a sentence that holds the words."""
        with self.subTest(what):
            answer = send(self.stack.urls["api"], body, content_type, fields, whole=whole)
            self.assertEqual(answer.status, status, answer.body[:300])
            self.assertEqual(answer.fields.get("content-type"), "application/problem+json")
            problem = json.loads(answer.body)
            self.assertEqual(problem["status"], status)
            self.assertIn(words, problem["detail"])
            self.assertGreater(len(problem["detail"].split()), 3)
            self.left.check(self)

    def image(self, name, image, status, words):
        self.refused(name, form(image), status, words)

    def test_pictures_that_are_cut_off(self):
        for name, image in (("JPEG", self.jpeg), ("PNG", self.png), ("WebP", self.webp)):
            for length in (14, 40, len(image) // 2, len(image) - 2):
                self.image(f"{name}, {length} bytes", image[:length], 400, "")

    def test_something_else_before_a_picture(self):
        for kind, before in (("ZIP", b"PK\x03\x04" + bytes(40)), ("HTML", b"<html><script>alert(1)</script>")):
            for name, image in (("JPEG", self.jpeg), ("PNG", self.png), ("WebP", self.webp)):
                self.image(f"{kind} and {name}", before + image, 415, "neither JPEG, PNG nor WebP")

    def test_something_else_behind_a_cut_off_picture(self):
        for name, image in (("JPEG", self.jpeg), ("PNG", self.png), ("WebP", self.webp)):
            self.image(name, image[:len(image) // 2] + b"<html><script>alert(1)</script>", 400, "")

    def test_pictures_that_announce_too_much(self):
        self.image("PNG of 50000 x 50000", png_announcing(50000, 50000), 413, "megapixels")
        self.image("PNG of 2^31 - 1", png_announcing(0x7FFFFFFF, 0x7FFFFFFF), 413, "megapixels")
        self.image("JPEG of 65535 x 65535", jpeg_announcing(self.jpeg, 65535, 65535), 413, "megapixels")

    def test_what_is_no_picture_that_is_taken(self):
        for name, image in (("GIF", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"), ("PDF", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
                            ("SVG", b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'),
                            ("text", b"only a text, whatever its name says"), ("ZIP", b"PK\x03\x04" + bytes(40))):
            self.image(name, image, 415, "neither JPEG, PNG nor WebP")
        self.image("nothing", b"", 400, "empty")

    def test_a_picture_that_only_the_optimizer_can_see_through(self):
        # It reaches it by design, and what was stored for it is gone afterwards.
        for text in (b"one", b"two"):
            answer = send(self.stack.urls["api"], form(damaged_inside(self.png), text), CONTENT_TYPE)
            self.assertEqual(answer.status, 400, answer.body[:300])
            self.assertIn("damaged", json.loads(answer.body)["detail"])
            self.left.before["work"] += 1  # counted a moment after the answer
            self.left.check(self)

    def test_forms_that_lack_or_repeat_something(self):
        image = part("image", self.png, "photo.png")
        self.refused("no image", text_part() + end(), 400, "no image")
        self.refused("no text", image + end(), 400, "no wm_text")
        self.refused("two images", image + image + text_part() + end(), 400, "image twice")
        self.refused("unknown position", form(self.png, position="middle"), 400, "wm_position must be")
        self.refused("unknown field", part("other", b"x") + end(), 400, "unknown part")
        fields = b"".join(part(f"field{i}", b"x") for i in range(10000))
        self.refused("10000 fields", fields + end(), 400, "unknown part", whole=False)

    def test_texts_that_cannot_be_drawn(self):
        self.refused("10 MB", form(self.png, b"x" * 10_000_000), 400, "wm_text is too long", whole=False)
        self.refused("one too many", form(self.png, "é".encode() * 201), 400, "longer than 200 characters")
        self.refused("not UTF-8", form(self.png, b"\xff\xfe"), 400, "not valid UTF-8")
        self.refused("a surrogate", form(self.png, b"\xed\xa0\x80"), 400, "not valid UTF-8")
        self.refused("control characters", form(self.png, b"a\x00b"), 400, "control character")
        self.refused("only blanks", form(self.png, b" \t "), 400, "empty")

    def test_headers_of_parts(self):
        def image(head):
            return head + b"\r\n" + self.png + b"\r\n" + text_part() + end()

        self.refused("a path", image(disposition("image", "../../etc/passwd")), 400, "contains a path")
        self.refused("a Windows path", image(disposition("image", "C:\\x.png")), 400, "contains a path")
        self.refused("filename*", image(disposition("image", "x")[:-2] + b"; filename*=UTF-8''%x\r\n"), 400, "filename*")
        self.refused("a null byte", image(disposition("image\0", "x")), 400, "invalid header line")
        self.refused("1 MB", image(disposition("image", "x" * (1 << 20))), 400, "headers of a part are longer", whole=False)
        self.refused("no name", image(b"--" + BOUNDARY.encode() + b"\r\nContent-Disposition: form-data\r\n"), 400, "no name")
        self.refused("base64", image(disposition("image", "x") + b"Content-Transfer-Encoding: base64\r\n"), 400,
                     "Content-Transfer-Encoding")
        nested = disposition("image") + b"Content-Type: multipart/mixed; boundary=c\r\n"
        self.refused("a form in the form", image(nested), 400, "itself multipart")

    def test_boundaries(self):
        body = form(self.png)
        for name, boundary in (("none", ""), ("empty", "; boundary="), ("too long", "; boundary=" + "x" * 71),
                               ("not allowed", "; boundary=a{b"), ("two", "; boundary=a; boundary=b")):
            self.refused(name, body, 400, "", content_type="multipart/form-data" + boundary)
        self.refused("another one", body, 400, "begin with its boundary", content_type="multipart/form-data; boundary=x")
        self.refused("none at the end", body[:-len(end())], 400, "before its last boundary")
        self.refused("something after the end", body[:-2] + b"more", 400, "follows the form's last boundary")
        self.refused("too much after the end", body + bytes(5000), 400, "follow the form's last boundary")
        self.refused("inside the picture", form(self.png[:50] + b"\r\n--" + BOUNDARY.encode() + self.png[50:]), 400, "")
        self.refused("two types", body, 400, "two Content-Type", [("Content-Type", "multipart/form-data; boundary=x")])
        for kind in ("text/plain", "application/x-www-form-urlencoded", f"multipart/mixed; boundary={BOUNDARY}", None):
            self.refused(str(kind), body, 400, "must be multipart/form-data", content_type=kind)

    def test_bodies_that_are_too_large_or_packed(self):
        body = form(self.png)
        self.refused("gzip", gzip.compress(body), 415, "Content-Encoding", [("Content-Encoding", "gzip")])
        # Refused by the length alone: not a byte of it is sent.
        self.refused("a length over the limit", b"", 413, "", [("Content-Length", str(1 << 40))])
        large = part("image", self.jpeg + bytes(33 << 20), "large.jpg")
        self.refused("chunked over the limit", large + end(), 413, "", [("Transfer-Encoding", "chunked")], whole=False)

    def test_an_honest_upload_among_them_works(self):
        count = self.left.work()
        answer = send(self.stack.urls["api"], form(self.png, b"honest"), CONTENT_TYPE)
        self.assertEqual(answer.status, 200, answer.body[:300])
        eventually("it is counted", lambda: self.left.work() == count + 1)
        self.left.remember()
        self.assertEqual(len(self.left.before["objects"]), 2)  # the test of all others: this is what they would leave


def end():
    return f"--{BOUNDARY}--\r\n".encode()


if __name__ == "__main__":
    unittest.main()
