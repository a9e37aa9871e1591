"""Between the server and its S3 stands a proxy that is slow, cuts, lies and refuses.

Promised: what passes is retried and then served, what does not is refused with a reason, and nothing but the store's bytes
is ever served; a request to this server never fails for it.
"""

import functools
import time

from kit import (
    FRONTS, Load, Proxy, S3, Server, answer_of, artifact, check, check_cache, every, ping, reason_of, refresh,
    s3_environment, say, scratch,
)

KEY = "m.tar.gz"


def gets(times, *fault):
    """The fault for the first `times` downloads."""
    left = [times]

    def choose(method, path, headers):
        if method == "GET" and KEY in path and left[0] > 0:
            left[0] -= 1
            return fault
        return None

    return choose


def all_of(times, *fault):
    """The fault for the first `times` requests of any kind."""
    left = [times]

    def choose(method, path, headers):
        if left[0] > 0:
            left[0] -= 1
            return fault
        return None

    return choose


FOREVER = 1 << 30

# Name, fault, whether the refresh has to come through, the statuses that it may fail with.
CASES = [
    ("slow", gets(FOREVER, "slow", 400_000), True, ()),
    ("cut once", gets(1, "cut", 0.5), True, ()),
    ("cut at once", gets(2, "cut", 0.0), True, ()),
    ("cut always", gets(FOREVER, "cut", 0.7), False, (503, 502, 504)),
    ("closed once", all_of(1, "close"), True, ()),
    ("500 twice", all_of(2, "status", 500, "InternalError"), True, ()),
    ("503 twice", all_of(2, "status", 503, "SlowDown"), True, ()),
    ("503 always", all_of(FOREVER, "status", 503, "SlowDown"), False, (503,)),
    ("403", all_of(FOREVER, "status", 403, "AccessDenied"), False, (403, 401, 424, 502, 503)),
    ("404", all_of(FOREVER, "status", 404, "NoSuchKey"), False, (404, 424)),
    ("too long", gets(FOREVER, "length", 7), False, (424, 502, 503, 504)),
    ("too short", gets(FOREVER, "length", -7), False, (424, 502, 503)),
    ("flipped once", gets(1, "flip"), None, (424, 502, 503)),
    ("flipped always", gets(FOREVER, "flip"), False, (424, 502, 503)),
    ("wrong checksum", gets(FOREVER, "checksum"), False, (424, 502, 503)),
    ("redirect loop", all_of(FOREVER, "redirect"), False, (403, 424, 502, 503)),
]
SMOKE = {"cut once", "503 twice", "403", "flipped always", "wrong checksum", "redirect loop"}


class Bench:
    """A server, its store, and the load on it."""

    def __init__(self, server, s3, proxy, load):
        self.server, self.s3, self.proxy, self.load = server, s3, proxy, load
        self.number = 1

    def case(self, name, fault, comes, statuses):
        self.load.ceiling = self.number + 1
        self.s3.put(KEY, artifact(self.number + 1, padding=200_000))
        self.proxy.fault = fault
        began = time.monotonic()
        try:
            status, answer = refresh(self.server, timeout=150)
        finally:
            self.proxy.fault = lambda *_: None
        took = time.monotonic() - began
        say(f"{name}: {status} after {took:.1f} s {'' if status == 200 else reason_of(answer)[:150]}")
        if status == 200:
            check(comes is not False, "what must be refused was taken:", answer)
            self.number += 1
        else:
            check(comes is not True, "what passes was not retried:", status, answer)
            check(status in statuses, "not an honest status:", status, answer)
            check(answer_of(self.server) == self.number, "something else answers after a refusal")
            check(ping(self.server)[1].get("model", {}).get("lastError"), "/ping gives no reason")
            status, answer = refresh(self.server, timeout=60)
            check(status == 200, "the store is well again, and a refresh fails:", status, answer)
            self.number += 1
        self.load.committed(self.number)
        check(answer_of(self.server) == self.number, "not the new generation")


def run(options):
    with scratch() as folder, S3(folder) as s3, Proxy(s3.port) as proxy:
        s3.put(KEY, artifact(1, padding=200_000))
        cache = folder / "cache"
        with Server("--management", "loopback", "--cache-dir", str(cache), model=f"s3://models/{KEY}", front=FRONTS[-1],
                    env=s3_environment(proxy.port, folder)) as server, \
                Load(server.port, clients=2, pause=0.005) as load:
            bench = Bench(server, s3, proxy, load)
            every([(case[0], functools.partial(bench.case, *case)) for case in CASES
                   if not options.smoke or case[0] in SMOKE])
            load.stop()
            load.check(server)
            check_cache(cache)
