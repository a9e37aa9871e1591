#!/usr/bin/env python3
"""Kills processes that work in one artifact cache, at random moments, and checks what they leave.

    cache_chaos.py CACHE_CHECK [--kills 100] [--seed 1]

CACHE_CHECK is the built program cache-check. Three of them install, open, evict and fetch in one folder at a time until
all are killed (SIGKILL). Then every entry that is there has to be whole, file by file and byte by byte; a sweep has to
find no damaged one, has to remove all unfinished ones, and has to keep the limit.
"""
import argparse
import gzip
import hashlib
import io
import json
import pathlib
import random
import subprocess
import sys
import tarfile
import tempfile
import time

LIMIT = 3_000_000
WORKERS = 3


def sources(folder):
    """Archives of the program's samples."""
    folder.mkdir()
    for number in range(1, 21):
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as archive:
            for name, size in (("m.onnx", 1000 + number * 37_000), ("sub/labels", 100)):
                info = tarfile.TarInfo(name)
                info.size = size
                archive.addfile(info, io.BytesIO(bytes([number]) * size))
        (folder / f"{number}.tar.gz").write_bytes(gzip.compress(raw.getvalue(), 1))


def check(cache):
    """Reads every visible entry; returns how many there are."""
    entries = list((cache / "artifacts").iterdir())
    for entry in entries:
        manifest = json.loads((entry / "manifest.json").read_text())
        assert entry.name.startswith(manifest["digest"]), entry
        assert manifest["files"], entry
        for file in manifest["files"]:
            data = (entry / "content" / file["path"]).read_bytes()
            assert len(data) == file["size"], (entry, file)
            assert hashlib.sha256(data).hexdigest() == file["sha256"], (entry, file)
    for record in (cache / "sources").glob("*.json"):
        json.loads(record.read_text())
    return len(entries)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cache_check")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    kills = entries = abandoned = 0
    with tempfile.TemporaryDirectory(prefix="swiftlet-chaos-") as scratch:
        scratch = pathlib.Path(scratch)
        sources(scratch / "sources")
        cache = scratch / "cache"
        while kills < options.kills:
            command = [options.cache_check, "work", cache, str(LIMIT), scratch / "sources"]
            workers = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(WORKERS)]
            try:
                time.sleep(random.uniform(0.02, 0.8))
            finally:
                for worker in workers:
                    worker.kill()
            for worker in workers:
                error = worker.communicate()[0].decode()
                if worker.returncode != -9:
                    sys.exit(f"a process ended by itself with {worker.returncode}: {error}")
            kills += WORKERS
            if not cache.exists():
                continue
            entries += check(cache)
            swept = subprocess.run([options.cache_check, "sweep", cache, str(LIMIT)], capture_output=True, text=True)
            assert swept.returncode == 0, swept.stdout + swept.stderr
            words = swept.stdout.split()
            abandoned += int(words[1])
            assert words[3] == "0", f"damaged entries: {swept.stdout}"
            assert not list((cache / "tmp").iterdir()), "unfinished entries are left"
            check(cache)
            total = sum(
                path.stat().st_size for kind in ("artifacts", "partial") for path in (cache / kind).rglob("*")
                if path.is_file())
            assert total <= LIMIT, f"{total} bytes are above the limit"
    print(f"{kills} kills, {entries} entries read whole, {abandoned} unfinished ones swept")


if __name__ == "__main__":
    main()
