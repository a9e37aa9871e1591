"""The cache's disk is full (a small tmpfs, so this needs root).

Promised: serving goes on, a refresh says insufficient_storage (507), and works when there is room again.
"""

import os
import pathlib
import subprocess

from kit import (
    FRONTS, Load, Server, Skipped, answer_of, artifact, check, check_cache, code_of, ping, refresh, replace, say, scratch,
)


def run(options):
    if os.geteuid() != 0:
        raise Skipped("only root can mount a tmpfs")
    with scratch() as folder:
        cache = folder / "cache"
        cache.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(cache)], capture_output=True, text=True)
        if done.returncode:
            raise Skipped(f"cannot mount a tmpfs: {done.stderr.strip()}")
        try:
            for front in FRONTS:
                full(options, front, folder, cache)
        finally:
            subprocess.run(["umount", "-l", str(cache)], check=False)


def full(options, front, folder, cache):
    path = folder / f"m-{front}.tar.gz"
    replace(path, artifact(1, padding=300_000))
    filler = pathlib.Path(cache, "filler")
    with Server("--management", "loopback", "--cache-dir", str(cache), model=str(path), front=front) as server, \
            Load(server.port, clients=3, pause=0.002) as load:
        load.floor, load.ceiling = 1, 1
        replace(path, artifact(2, padding=8_000_000))
        status, answer = refresh(server)
        check(status == 507 and code_of(answer) == "insufficient_storage", "larger than the disk:", status, answer)
        filler.write_bytes(b"")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass
        replace(path, artifact(3, padding=300_000))
        status, answer = refresh(server)
        check(status == 507 and code_of(answer) == "insufficient_storage", "the disk is full:", status, answer)
        check(ping(server)[1].get("model", {}).get("lastError"), "/ping gives no reason:", ping(server))
        check(answer_of(server) == 1, "the old generation does not answer")
        load.ceiling = 3
        filler.unlink()
        status, answer = refresh(server)
        check(status == 200, "there is room again, and a refresh fails:", status, answer)
        load.committed(3)
        check(answer_of(server) == 3, "not the new generation")
        load.stop()
        load.check(server)
        check_cache(cache)
        say(f"{front}: 507 twice, then the new generation; {load.answers} answers")
