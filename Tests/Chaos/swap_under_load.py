"""A new generation every few seconds under load, one artifact in five corrupt.

The store is a local archive exchanged by rename, a local model file exchanged by rename, or an object of an S3 server;
refreshes come by POST or by polling. Promised: no request fails; after a commit was reported no request that starts later
is answered by an older generation; a corrupt artifact is refused, with the reason in /ping and in the counter, and the one
before serves on; the workers' memory does not grow.
"""

import os
import time

from kit import (
    CORRUPTIONS, FRONTS, Load, Proxy, S3, Server, Skipped, answer_of, artifact, check, check_cache, metric,
    onnx_model, ping, refresh, replace, resident_bytes, s3_environment, say, scratch, server_pids, wait_until,
)

WEIGHTS = 150_000


class LocalStore:
    """A folder of this machine."""

    environment = {}

    def __init__(self, folder, name):
        self.path = folder / name
        self.model = str(self.path)
        self.is_file = name.endswith(".onnx")

    def put(self, data):
        replace(self.path, data)

    def generation(self, number):
        return onnx_model(number, weights=WEIGHTS) if self.is_file else artifact(number, weights=WEIGHTS)

    def corrupt(self, number, rng):
        if self.is_file:
            return rng.choice(["not a model", "cut"]), rng.choice([rng.randbytes(5000), onnx_model(number)[:-7]])
        kind = rng.choice(sorted(CORRUPTIONS))
        return kind, CORRUPTIONS[kind](number, rng)

    def close(self):
        pass


class S3Store(LocalStore):
    """An object of an S3 server, behind a proxy that can spoil it on the way."""

    def __init__(self, folder):
        super().__init__(folder, "m.tar.gz")
        self.server = S3(folder)
        self.proxy = Proxy(self.server.port)
        self.model = "s3://models/m.tar.gz"
        self.environment = s3_environment(self.proxy.port, folder)

    def put(self, data):
        self.proxy.fault = lambda *_: None
        self.server.put("m.tar.gz", data)

    def corrupt(self, number, rng):
        if rng.randrange(3) == 0:
            self.put(artifact(number))
            self.proxy.fault = lambda method, path, headers: ("flip",) if method == "GET" and "m.tar.gz" in path else None
            return "flipped on the way", None
        return super().corrupt(number, rng)

    def close(self):
        self.proxy.down()
        self.server.stop()


def swap(options, front, store, polls, swaps, period, clients):
    rng = options.random("swap", front, type(store).__name__, polls)
    store.put(store.generation(1))
    number, failed, memory = 1, 0, {}
    cache = store.path.parent / f"cache-{front}-{polls}"
    flags = ["--management", "loopback", "--cache-dir", str(cache), "--cache-size", "20MB"]
    if polls:
        flags += ["--refresh-interval", "100ms"]
    with Server(*flags, model=store.model, front=front, env=store.environment) as server:
        check(answer_of(server) == 1, "the first generation does not answer")
        # What `serve` was started with is copied aside; a swap before that is another scenario's.
        time.sleep(0.3)
        with Load(server.port, clients=clients) as load:
            load.floor = 1
            for turn in range(1, swaps + 1):
                began = time.monotonic()
                load.ceiling = number + 1
                before = ping(server)[1].get("model", {}).get("lastRefresh")
                # The first turns are clean, so that there is memory to compare with.
                if turn > 2 and rng.randrange(5) == 0:
                    kind, data = store.corrupt(number + 1, rng)
                    if data is not None:
                        store.put(data)
                    if polls:
                        wait_until(lambda: ping(server)[1].get("model", {}).get("lastRefresh", {}).get("result") == "failed"
                                   and ping(server)[1].get("model", {}).get("lastRefresh") != before, 15)
                    else:
                        status, answer = refresh(server)
                        check(status >= 400, f"a corrupt artifact ({kind}) was accepted:", status, answer)
                    failed += 1
                    seen = ping(server)[1].get("model", {})
                    check(seen.get("lastRefresh", {}).get("result") == "failed", kind, "is not reported as failed:", seen)
                    check(seen.get("lastError"), kind, "has no reason in /ping:", seen)
                    check(metric(server, "swiftlet_refresh_total", result="failed") >= failed, "the failure is not counted")
                    # A number that was spoiled is not used again, so that a late switch to it shows.
                    check(answer_of(server) == number, kind, "was served")
                else:
                    store.put(store.generation(number + 1))
                    if polls:
                        check(wait_until(lambda: committed(server, before), 20),
                              "a new generation was not taken:", ping(server), server.log[-2000:])
                    else:
                        status, answer = refresh(server)
                        check(status == 200 and answer["result"] == "committed", "refresh:", status, answer,
                              server.log[-2000:])
                    number += 1
                    load.committed(number)
                if turn in (min(10, swaps // 2), swaps):
                    time.sleep(0.3)
                    memory[turn] = resident_bytes(server_pids(server))
                time.sleep(max(0.0, period - (time.monotonic() - began)))
            time.sleep(0.2)
            load.stop()
            load.check(server, minimum=swaps * 5)
        check(answer_of(server) == number, "the last generation does not answer")
        check_cache(cache)
        escaped = [p for p in ("/tmp/swiftlet-chaos-escaped.onnx", "/tmp/escaped.onnx") if os.path.exists(p)]
        escaped += [str(p) for p in store.path.parent.rglob("escaped.onnx")]
        check(not escaped, "a hostile archive wrote", escaped)
        early, late = memory[min(10, swaps // 2)], memory[swaps]
        say(f"{front} {type(store).__name__} {'poll' if polls else 'POST'}: {load.answers} answers, {number - 1} swaps,"
            f" {failed} refused, slowest {load.slowest * 1000:.0f} ms, memory {early >> 20} -> {late >> 20} MiB")
        check(late <= early * 1.25 + (16 << 20), "memory grows:", memory)


def committed(server, before):
    last = ping(server)[1].get("model", {}).get("lastRefresh")
    return last is not None and last != before and last["result"] == "committed"


def run(options):
    swaps = options.pick(15, 60)
    period = options.pick(0.25, 5.0)
    if options.minutes:
        swaps = max(15, int(options.minutes * 60 / period / (len(FRONTS) * 3)))
    # Rename of an archive by POST, of a plain file by polling, and S3 either way.
    cases = [("m.tar.gz", False), ("model.onnx", True), ("s3", False), ("s3", True)]
    for front in FRONTS:
        for name, polls in cases if not options.smoke else ([cases[0], cases[3]] if front == "direct" else cases[1:3]):
            with scratch() as folder:
                try:
                    store = S3Store(folder) if name == "s3" else LocalStore(folder, name)
                except Skipped as reason:
                    say("skipped:", reason)
                    continue
                try:
                    swap(options, front, store, polls, swaps, period, clients=6)
                finally:
                    store.close()
