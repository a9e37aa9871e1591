#!/usr/bin/env python3
"""Makes the archives beside this script: python3 generate.py

Made with CPython 3.11 (tarfile, zipfile, gzip), GNU tar 1.34 and Info-ZIP 3.0. Every archive in good/ holds the files of
`tree` below, or those of them that its format can hold. What those in bad/ have to be refused for is in the tests.
"""
import gzip
import io
import os
import pathlib
import shutil
import struct
import subprocess
import tarfile
import tempfile
import zipfile

here = pathlib.Path(__file__).parent
good, bad = here / "good", here / "bad"
MTIME = 1_600_000_000
LONG = "folder/" + "d" * 110 + "/" + "n" * 120 + ".txt"


def pattern(count):
    return bytes((i * 7 + 3) % 256 for i in range(count))


def tree(base):
    (base / "folder").mkdir(parents=True)
    (base / "m.onnx").write_bytes(pattern(700))
    (base / "folder/labels.txt").write_text("setosa\n")
    (base / "folder/r\u00e9seau.txt").write_text("r\u00e9seau\n")
    (base / LONG).parent.mkdir()
    (base / LONG).write_text("long\n")
    (base / "run.sh").write_text("#!/bin/sh\n")
    (base / "run.sh").chmod(0o4755)
    os.symlink("folder/labels.txt", base / "soft")
    os.symlink("../m.onnx", base / "folder/up")
    os.link(base / "m.onnx", base / "zhard")
    for path in sorted(base.rglob("*")):
        os.utime(path, (MTIME, MTIME), follow_symlinks=False)


def sparse(base):
    base.mkdir()
    with open(base / "sparse.bin", "wb") as file:
        # 30 pieces: more than a header and one extension block of GNU's old format hold.
        for i in range(30):
            file.seek(i * 65536)
            file.write(b"%04d" % i)
        file.truncate(30 * 65536)
    (base / "after").write_text("after\n")


def gnu(out, base, *options, names=(".",)):
    subprocess.run(
        ["tar", "-C", base, "--sort=name", "--owner=0", "--group=0", "--numeric-owner", f"--mtime=@{MTIME}",
         "-b", "1", *options, "-cf", out, *names], check=True)


def zipped(out, base, method, stream=False, zip64=False):
    class Stream(io.RawIOBase):
        """Cannot seek, so that sizes follow the data."""
        def __init__(self): self.bytes = b""
        def writable(self): return True
        def write(self, data): self.bytes += bytes(data); return len(data)

    target = Stream() if stream else io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(base.rglob("*")):
            name = str(path.relative_to(base))
            info = zipfile.ZipInfo(name + ("/" if path.is_dir() and not path.is_symlink() else ""), (2020, 9, 13, 12, 0, 0))
            info.compress_type = method
            info.external_attr = (path.lstat().st_mode & 0xFFFF) << 16
            data = os.readlink(path).encode() if path.is_symlink() else b"" if path.is_dir() else path.read_bytes()
            with archive.open(info, "w", force_zip64=zip64) as entry:
                entry.write(data)
    out.write_bytes(target.bytes if stream else target.getvalue())


def simple(*files, method=zipfile.ZIP_STORED):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return bytearray(target.getvalue())


def directory(data, nth=0):
    """Where the nth record of the directory begins."""
    at = -1
    for _ in range(nth + 1):
        at = data.index(b"PK\x01\x02", at + 1)
    return at


def zip64_end(data):
    """The archive with its end record replaced by that of zip64."""
    end = data.rindex(b"PK\x05\x06")
    count, = struct.unpack_from("<H", data, end + 10)
    size, offset = struct.unpack_from("<II", data, end + 12)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return bytes(data[:end]) + record + locator + last


def main():
    for folder in (good, bad):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        base = pathlib.Path(scratch) / "tree"
        tree(base)
        for form in ("gnu", "oldgnu", "pax"):
            gnu(good / f"{form}.tar", base, f"--format={form}")
        gnu(good / "ustar.tar", base, "--format=ustar", names=("m.onnx", "folder/labels.txt", "run.sh", "soft", "zhard"))
        gnu(good / "v7.tar", base, "--format=v7", names=("m.onnx", "folder/labels.txt", "run.sh", "soft", "zhard"))
        for name, form in (("py-gnu", tarfile.GNU_FORMAT), ("py-pax", tarfile.PAX_FORMAT)):
            with tarfile.open(good / f"{name}.tar", "w", format=form) as archive:
                for path in sorted(base.rglob("*")):
                    archive.add(path, str(path.relative_to(base)), recursive=False)
        data = (good / "gnu.tar").read_bytes()
        pack = lambda part: gzip.compress(part, mtime=0)
        (good / "one.tar.gz").write_bytes(pack(data))
        (good / "members.tgz").write_bytes(pack(data[:700]) + pack(data[700:2000]) + pack(b"") + pack(data[2000:]))
        (good / "padded.tar.gz").write_bytes(pack(data) + bytes(600))
        (good / "trailing.tar.gz").write_bytes(pack(data) + b"\x1f and other bytes")
        zipped(good / "stored.zip", base, zipfile.ZIP_STORED)
        zipped(good / "deflated.zip", base, zipfile.ZIP_DEFLATED)
        zipped(good / "streamed.zip", base, zipfile.ZIP_DEFLATED, stream=True)
        zipped(good / "zip64.zip", base, zipfile.ZIP_DEFLATED, zip64=True)
        (good / "zip64-end.zip").write_bytes(zip64_end(bytearray((good / "zip64.zip").read_bytes())))
        subprocess.run(["zip", "-qryX", good / "infozip.zip", "."], cwd=base, check=True)
        holes = pathlib.Path(scratch) / "sparse"
        sparse(holes)
        gnu(good / "sparse-old.tar", holes, "--format=gnu", "-S", names=("sparse.bin", "after"))
        for version in ("0.0", "0.1", "1.0"):
            gnu(good / f"sparse-{version}.tar", holes, "--format=pax", "-S", f"--sparse-version={version}",
                names=("sparse.bin", "after"))
        for path in good.glob("sparse-*.tar"):
            (good / f"{path.name}.gz").write_bytes(pack(path.read_bytes()))
            path.unlink()

    (bad / "bomb.tar.gz").write_bytes(
        gzip.compress(bomb(), mtime=0))
    (bad / "bomb.zip").write_bytes(simple(("zeros", bytes(20 << 20)), method=zipfile.ZIP_DEFLATED))
    two = simple(("a", b"a" * 100), ("b", b"b" * 100))
    data = bytearray(two)
    at = directory(data, 1)
    data[at + 42:at + 46] = bytes(4)
    (bad / "overlap-same.zip").write_bytes(data)
    # The first entry's bytes reach over the second entry.
    data = bytearray(two)
    at = directory(data, 0)
    for field in (20, 24):
        struct.pack_into("<I", data, at + field, 200)
    (bad / "overlap-long.zip").write_bytes(data)
    data = bytearray(simple(("a", b"a" * 100)))
    data[directory(data) + 8] |= 1
    (bad / "encrypted.zip").write_bytes(data)
    (bad / "lzma.zip").write_bytes(simple(("a", b"a" * 100), method=zipfile.ZIP_LZMA))
    data = bytearray(simple(("a", b"a" * 100)))
    data[40] ^= 1
    (bad / "checksum.zip").write_bytes(data)
    data = bytearray(simple(("a", b"a" * 100), method=zipfile.ZIP_DEFLATED))
    struct.pack_into("<I", data, directory(data) + 24, 50)
    (bad / "longer.zip").write_bytes(data)
    data = bytearray(simple(("a", b"a" * 100), method=zipfile.ZIP_DEFLATED))
    struct.pack_into("<I", data, directory(data) + 24, 101)
    (bad / "shorter.zip").write_bytes(data)
    data = bytearray(simple(("aa", b"x")))
    data[directory(data) + 46] = ord("b")
    (bad / "renamed.zip").write_bytes(data)
    data = bytearray(simple(("a", b"x")))
    end = data.rindex(b"PK\x05\x06")
    struct.pack_into("<HH", data, end + 8, 60000, 60000)
    (bad / "count.zip").write_bytes(data)
    data = bytearray(simple(("a", b"x")))
    struct.pack_into("<I", data, data.rindex(b"PK\x05\x06") + 16, 0xFFFFFFF0)
    (bad / "offset.zip").write_bytes(data)
    for name, path in (("dotdot", "../x"), ("inner", "a/../../x"), ("absolute", "/tmp/swiftlet-x")):
        (bad / f"{name}.zip").write_bytes(simple((path, b"x")))
    for name, mode, target in (("symlink", 0o120777, b"../x"), ("device", 0o020666, b"")):
        info = zipfile.ZipInfo("a")
        info.create_system, info.external_attr = 3, mode << 16
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(info, target)
        (bad / f"{name}.zip").write_bytes(out.getvalue())
    (bad / "empty.zip").write_bytes(simple())


def bomb():
    info = tarfile.TarInfo("zeros")
    info.size, info.mtime = 20 << 20, MTIME
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(info.size) + bytes(1024)


if __name__ == "__main__":
    main()
