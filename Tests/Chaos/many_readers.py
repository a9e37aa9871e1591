"""Several servers share one cache folder and start at once, and it is cold.

Promised: all serve the store's model, the cache is whole, and what one downloads the others use.
"""

import time

from kit import (
    FRONTS, Proxy, S3, Server, answer_of, artifact, check, check_cache, refresh, s3_environment, say, scratch,
)


def run(options):
    for turn in range(options.pick(1, 10)):
        rng = options.random("readers", turn)
        with scratch() as folder, S3(folder) as s3, Proxy(s3.port) as proxy:
            s3.put("m.tar.gz", artifact(1, padding=400_000))
            proxy.rate = rng.choice([None, 1_000_000, 4_000_000])
            downloads = []
            proxy.fault = lambda method, path, headers: downloads.append(path) if method == "GET" and "m.tar.gz" in path else None
            cache, servers = folder / "cache", []
            began = time.monotonic()
            try:
                for index in range(2):
                    servers.append(Server(
                        "--management", "loopback", "--cache-dir", str(cache), model="s3://models/m.tar.gz",
                        front=rng.choice(FRONTS), env=s3_environment(proxy.port, folder), ready=False))
                for server in servers:
                    server.wait_ready(60)
                    check(answer_of(server) == 1, "not the store's model")
                check(check_cache(cache) == 1, "the same artifact is in the cache more than once")
                first = len(downloads)
                s3.put("m.tar.gz", artifact(2, padding=400_000))
                for server in servers:
                    status, answer = refresh(server)
                    check(status == 200 and answer["result"] == "committed", "refresh:", status, answer)
                    check(answer_of(server) == 2, "not the new generation")
                check(check_cache(cache) == 2, "not two generations in the cache")
                say(f"two servers, {first} requests for bytes at the start, {len(downloads)} in all,"
                    f" {time.monotonic() - began:.1f} s")
                # A download may be of several ranges; two downloads would be twice as many.
                check(len(downloads) - first <= first, "each server downloads for itself:", first, len(downloads))
            finally:
                for server in servers:
                    server.close()
