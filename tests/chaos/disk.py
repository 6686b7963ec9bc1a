"""A small disk for a campaign's folder: a tmpfs that only this process and its children see."""
import asyncio
import contextlib
import ctypes
import os

_CLONE_NEWNS, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 0x20000, 0x4000, 0x40000, 2


def can_mount():
    return os.geteuid() == 0


@contextlib.contextmanager
def mounted(folder, mib):
    """Mounts the disk at `folder`. When the process is killed, its mount namespace ends, and the disk with it."""
    libc = ctypes.CDLL(None, use_errno=True)

    def check(what, result):
        if result != 0:
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")

    check("unshare", libc.unshare(_CLONE_NEWNS))
    check("make / private", libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))
    check("mount tmpfs", libc.mount(b"chaos", os.fsencode(folder), b"tmpfs", 0, f"size={mib}m".encode()))
    try:
        yield
    finally:
        check("unmount", libc.umount2(os.fsencode(folder), _MNT_DETACH))


class Ballast:
    """Fills the disk, and frees it again."""

    def __init__(self, folder):
        self._path = folder / "ballast"
        self._folder = folder
        self.filled = 0

    async def fill(self, left_bytes, seconds):
        self.filled += 1
        with open(self._path, "wb", buffering=0) as file, contextlib.suppress(OSError):  # others write meanwhile
            while (left := self._free_bytes() - left_bytes) > 0:
                file.write(bytes(min(left, 1 << 20)))
        try:
            await asyncio.sleep(seconds)
        finally:
            self.free()

    def _free_bytes(self):
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def free(self):
        self._path.unlink(missing_ok=True)
