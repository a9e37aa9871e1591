"""Hundreds of models under a small memory budget, while workers die and models change, go, and are spoiled.

Promised: every answer with 200 is of the model that was asked for, and of its newest generation once a refresh or an unload
was confirmed; every other status is honest: 404 for a model that is missing, 424 for one that is corrupt, 503 or 507 where
there is no room; no request is stuck.
"""

import os
import pathlib
import random
import signal
import threading
import time

from kit import (
    CORRUPTIONS, FRONTS, Client, Server, artifact, call, check, metric, number_of, replace,
    resident_bytes, say, scratch,
)


class Fleet:
    """The folder of models. Model `i` in its generation `g` answers `i + g * count`, which a float holds exactly."""

    def __init__(self, folder, count, rng):
        self.folder, self.count, self.rng = folder, count, rng
        self.lock = threading.Lock()
        # By model: the generation that was given last, and the oldest that may answer a request that starts now.
        self.given = [0] * count
        self.floor = [0] * count
        # Until when 424 is honest of a sound model: it was spoiled for a while, and a failure is remembered for 2 s.
        self.spoiled = [0.0] * count
        # Refreshes that took what cannot be served.
        self.lies = []
        self.corrupt = {i for i in range(3, count, 17)}
        self.missing = {i for i in range(5, count, 19)} - self.corrupt
        for i in range(count):
            if i in self.missing:
                continue
            path = folder / f"m{i}.tar.gz"
            if i in self.corrupt:
                path.write_bytes(CORRUPTIONS[rng.choice(sorted(set(CORRUPTIONS) - {"other signature"}))](i, rng))
            else:
                path.write_bytes(self.archive(i, 0))

    def archive(self, i, generation):
        return artifact(i + generation * self.count, weights=self.weights(i))

    @staticmethod
    def weights(i):
        return 3000 + i % 7 * 9000

    def give(self, i):
        """A new generation of model `i`."""
        self.given[i] += 1
        replace(self.folder / f"m{i}.tar.gz", self.archive(i, self.given[i]))

    def check(self, i, floor, number):
        """Whether an answer of model `i` may be `number`."""
        if number % self.count != i:
            return f"model {i} was asked, and {number % self.count} answered"
        if not floor <= number // self.count <= self.given[i]:
            return f"model {i}: generation {number // self.count} answered, and {floor} to {self.given[i]} may"
        return None


class Requests:
    """Zipf traffic."""

    def __init__(self, server, fleet, clients, rng):
        self.server, self.fleet = server, fleet
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.statuses, self.faults, self.slowest, self.refusals = {}, [], 0.0, {}
        # What each client waits for, and since when.
        self.current = {}
        # When workers were killed: a request that two deaths hit may fail.
        self.kills = []
        self.weights = [1 / (n + 1) for n in range(fleet.count)]
        self.order = list(range(fleet.count))
        rng.shuffle(self.order)
        seeds = [rng.randrange(1 << 30) for _ in range(clients)]
        self.threads = [threading.Thread(target=self.run, args=(seed,), daemon=True) for seed in seeds]
        for thread in self.threads:
            thread.start()

    def run(self, seed):
        rng = random.Random(seed)
        client = Client(self.server.port, timeout=30)
        while not self.stopped.is_set():
            picks = rng.choices(self.order, self.weights, k=64)
            for i in picks:
                if self.stopped.is_set():
                    break
                self.one(client, i)
        client.close()

    def one(self, client, i):
        fleet = self.fleet
        floor, began = fleet.floor[i], time.monotonic()
        fault, status = None, 0
        self.current[threading.get_ident()] = (began, i)
        try:
            status, data = client.post(
                "/invocations", headers=[("X-Amzn-SageMaker-Target-Model", f"m{i}.tar.gz")])
        except Exception as error:  # noqa: BLE001
            fault = f"model {i}: {error!r}"
            data = b""
        took = time.monotonic() - began
        self.current.pop(threading.get_ident(), None)
        if fault is None:
            if status == 200:
                if i in fleet.missing or i in fleet.corrupt:
                    fault = f"model {i} cannot be there, and it answers {data!r}"
                else:
                    fault = fleet.check(i, floor, number_of(data))
            elif status in (503, 507):
                pass
            elif status == 502 and sum(began - 0.2 < at < began + took for at in self.kills) >= 2:
                pass
            elif status == 404:
                if i not in fleet.missing and i not in fleet.corrupt:
                    fault = f"model {i} is there: {data[:300]!r}"
            elif status == 424:
                if i not in fleet.corrupt and began > fleet.spoiled[i]:
                    fault = f"model {i} is sound: {data[:300]!r}"
            else:
                fault = f"model {i}: {status} {data[:300]!r}"
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.slowest = max(self.slowest, took)
            if status in (503, 507):
                text = data[:160].decode(errors="replace")
                key = text.split('"message":"')[-1][:70]
                self.refusals[key] = self.refusals.get(key, 0) + 1
            if fault:
                self.faults.append(f"{time.strftime('%H:%M:%S')} after {took:.2f} s: {fault}")

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(40)
        return [thread for thread in self.threads if thread.is_alive()]


def chaos(options, front, count, seconds, kills):
    rng = options.random("fleet", front)
    with scratch() as folder:
        store = folder / "store"
        store.mkdir()
        fleet = Fleet(store, count, rng)
        good = [i for i in range(count) if i not in fleet.corrupt and i not in fleet.missing]
        flags = ["--models", str(store), "--memory-budget", str(count * 45_000), "--management", "loopback",
                 "--cache-dir", str(folder / "cache"), "--refresh-interval", "1s"]
        with Server(*flags, model=None, front=front) as server:
            requests = Requests(server, fleet, 16, rng)
            end = time.monotonic() + seconds
            done, odd = {"refresh": 0, "unload": 0, "kill": 0, "spoil": 0}, {}
            next_kill = time.monotonic() + 1
            while time.monotonic() < end:
                what = rng.choice(["refresh", "refresh", "refresh", "unload", "unload", "spoil"])
                # The hot ones most of all.
                i = rng.choices(requests.order, requests.weights)[0]
                if i not in good:
                    continue
                if front == "nginx" and kills and time.monotonic() > next_kill:
                    next_kill = time.monotonic() + rng.uniform(0.5, 2.5)
                    pids = server.workers
                    if pids:
                        os.kill(rng.choice(pids), signal.SIGKILL)
                        requests.kills.append(time.monotonic())
                        done["kill"] += 1
                if what == "spoil":
                    # A spoiled generation is refused by the refresh, and a whole one follows at once.
                    kind = rng.choice(["truncated", "does not load", "path escape"])
                    status, answer = call(server, "GET", f"/models/m{i}")
                    if status != 200:
                        continue
                    spoil(fleet, server, i, kind, rng)
                    done["spoil"] += 1
                else:
                    fleet.give(i)
                    given = fleet.given[i]
                    if what == "refresh":
                        status, answer = call(server, "POST", f"/models/m{i}/refresh", 40)
                    else:
                        status, answer = call(server, "DELETE", f"/models/m{i}", 40)
                    if status == 200:
                        fleet.floor[i] = given
                        done[what] += 1
                    else:
                        key = f"{what} {status} {str(answer)[:200]}" if status != 404 else f"{what} 404"
                        key = key.replace(f"m{i}", "mN").split("requestId")[0]
                        odd[key] = odd.get(key, 0) + 1
                time.sleep(rng.random() * 0.1)
            stuck = requests.stop()
            loaded = metric(server, "swiftlet_model_loaded")
            say(f"{front}: {requests.statuses}, slowest {requests.slowest:.2f} s, {done}, {loaded:.0f} loaded,"
                f" {metric(server, 'swiftlet_model_evictions_total'):.0f} evictions,"
                f" resident {resident_bytes(server.workers or [server.process.pid]) >> 20} MiB")
            for text, times in list(requests.refusals.items())[:8]:
                say(f"  refused {times}: {text}")
            for text, times in list(odd.items())[:8]:
                say(f"  management {times}: {text}")
            busy = cpu_seconds(server.process.pid)
            time.sleep(1)
            busy = cpu_seconds(server.process.pid) - busy
            say(f"the supervisor computed {busy:.2f} s in a quiet second")
            check(busy < 0.5, f"the supervisor computes {busy:.2f} s of a second in which nothing happens")
            check(not stuck, "requests are stuck:", len(stuck))
            check(not requests.faults, f"{len(requests.faults)} wrong answers:", requests.faults[:8], server.log[-2500:])
            check(not fleet.lies, "refreshes confirmed what cannot be loaded:", fleet.lies[:5])
            check(requests.statuses.get(200, 0) > seconds * 20, "too few answers:", requests.statuses)
            bad = [text for text in odd if text.split()[1] not in ("404", "409", "503", "507", "424")]
            check(not bad, "management calls failed:", bad)
            total = sum(requests.statuses.values())
            check(requests.statuses.get(503, 0) + requests.statuses.get(507, 0) < total * 0.05, "too many refusals:",
                  requests.statuses, requests.refusals)
            # Afterwards every model answers, and rightly.
            client = Client(server.port, timeout=30)
            for i in range(count):
                status, data = client.post("/invocations", headers=[("X-Amzn-SageMaker-Target-Model", f"m{i}")])
                if i in fleet.missing:
                    check(status == 404, "missing", i, status, data)
                elif i in fleet.corrupt:
                    check(status in (404, 424), "corrupt", i, status, data)
                else:
                    check(status == 200, "model", i, status, data)
                    fault = fleet.check(i, fleet.floor[i], number_of(data))
                    check(not fault, "afterwards:", fault)
            client.close()


def cpu_seconds(pid):
    """What a process has computed."""
    fields = pathlib.Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spoil(fleet, server, i, kind, rng):
    """Refreshes model `i` while the store has a spoiled generation."""
    path = fleet.folder / f"m{i}.tar.gz"
    fleet.spoiled[i] = float("inf")
    replace(path, CORRUPTIONS[kind](i, rng))
    try:
        status, answer = call(server, "POST", f"/models/m{i}/refresh", 40)
        # One that was evicted meanwhile is loaded by nobody: 404. "Unchanged" is what a worker loaded before it was spoiled.
        if status == 200:
            fleet.lies.append(f"model {i} was spoiled ({kind}), and its refresh said {answer}")
    finally:
        replace(path, fleet.archive(i, fleet.given[i]))
        fleet.spoiled[i] = time.monotonic() + 3


def run(options):
    count = options.pick(60, 300)
    seconds = options.pick(7, 60)
    if options.minutes:
        seconds = int(options.minutes * 60 / len(FRONTS))
    fronts = FRONTS if not options.smoke else FRONTS[-1:]
    for front in fronts:
        chaos(options, front, count, seconds, kills=True)
