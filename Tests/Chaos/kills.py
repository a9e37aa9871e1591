"""SIGKILL at random moments of download and swap: of a worker, of the supervisor, of everything at once.

Promised: with nginx in front the death of a worker costs no request, a refresh under way commits or fails, and one more
try works; whatever was killed, the next start serves a whole version that was given, the cache has no damaged entry, no
process is left after ten seconds, and no folder of a dead server piles up.
"""

import os
import signal
import threading
import time

import server as blackbox
from kit import (
    FRONTS, Load, Proxy, S3, Server, Skipped, alive, answer_of, artifact, call, check, check_cache, kill_all, refresh,
    replace, s3_environment, say, scratch, wait_until,
)


def workers_die(options, kills):
    """Workers die during swaps."""
    rng = options.random("workers")
    with scratch() as folder:
        path = folder / "m.tar.gz"
        replace(path, artifact(1, weights=400_000))
        with Server("--management", "loopback", "--cache-dir", str(folder / "cache"), "--cache-size", "30MB",
                    model=str(path)) as server:
            time.sleep(0.3)
            number, died, failures = 1, 0, {}
            with Load(server.port, clients=4) as load:
                load.floor = 1
                while died < kills:
                    load.ceiling = number + 1
                    replace(path, artifact(number + 1, weights=400_000))
                    result = []
                    thread = threading.Thread(target=lambda: result.append(refresh(server, timeout=60)))
                    thread.start()
                    for _ in range(rng.choice([1, 1, 2])):
                        time.sleep(rng.random() * 0.25)
                        pids = server.workers
                        if pids:
                            os.kill(rng.choice(pids), signal.SIGKILL)
                            died += 1
                    thread.join(70)
                    check(result, "a refresh did not answer within 60 s after a worker died", server.log[-3000:])
                    status, answer = result[0]
                    if status != 200:
                        failures[status] = failures.get(status, 0) + 1
                        check(wait_until(lambda: len(server.workers) == 2, 15), "workers do not come back")
                        status, answer = refresh(server)
                        check(status == 200, "after a refresh that failed because a worker died, a retry fails too:",
                              status, answer, server.log[-3000:])
                    number += 1
                    load.committed(number)
                    # Deaths in a row are slowed down on purpose: let the pause pass.
                    check(wait_until(lambda: len(server.workers) == 2, 15), "workers do not come back")
                load.stop()
                load.check(server)
            check(wait_until(lambda: call(server, "GET", "/models/model")[1].get("workers") == [0, 1], 15),
                  "a worker has no model:", call(server, "GET", "/models/model"))
            for _ in range(20):
                check(answer_of(server) == number, "an older generation answers after all")
            say(f"{died} workers killed in {number - 1} swaps, {load.answers} answers; refreshes that failed: {failures}")


def everything_dies(options, kills):
    """The supervisor, or all at once, dies during download and swap; then the same server is started again."""
    rng = options.random("everything")
    with scratch() as folder:
        cache, temporary = folder / "cache", folder / "tmp"
        temporary.mkdir()
        with S3(folder) as s3, Proxy(s3.port) as proxy:
            environment = s3_environment(proxy.port, folder)
            number, served = 1, {}
            s3.put("m.tar.gz", artifact(1, padding=300_000))
            for turn in range(kills):
                front = rng.choice(FRONTS)
                what = rng.choice(["supervisor", "all", "all"])
                proxy.rate = None
                if turn and rng.randrange(4) == 0:
                    # Cold again, so that the first download is what is cut.
                    number += 1
                    s3.put("m.tar.gz", artifact(number, padding=300_000))
                    proxy.rate = rng.choice([400_000, 1_500_000])
                server = Server("--management", "loopback", "--cache-dir", str(cache), "--cache-size", "3MB",
                                "--fetch-deadline", "20", model="s3://models/m.tar.gz", front=front,
                                env=environment, temporary=temporary, ready=False)
                try:
                    if proxy.rate is None:
                        server.wait_ready(30)
                        answer = answer_of(server)
                        served[answer] = served.get(answer, 0) + 1
                        check(answer == number, f"turn {turn}: {answer} is served, and the store has {number}",
                              server.log[-2000:])
                        number += 1
                        s3.put("m.tar.gz", artifact(number, padding=300_000))
                        proxy.rate = rng.choice([None, 1_000_000, 3_000_000])
                        threading.Thread(target=quietly(lambda: refresh(server)), daemon=True).start()
                    time.sleep(rng.random() * rng.choice([0.05, 0.3, 0.8]))
                    family = server.family()
                    if what == "supervisor":
                        server.process.kill()
                        server.process.wait()
                    else:
                        family = kill_all(server, rng)
                    check(wait_until(lambda: not any(alive(p) for p in family), 10),
                          f"turn {turn}: processes are left 10 s after the {what} was killed:",
                          [p for p in family if alive(p)])
                finally:
                    server.close()
                check_cache(cache)
            # A last start from the cache alone: what is there is whole.
            proxy.down()
            with Server("--management", "loopback", "--cache-dir", str(cache), model="s3://models/m.tar.gz",
                        env=environment, temporary=temporary) as server:
                answer = answer_of(server)
                check(max(served) <= answer <= number, f"{answer} comes from the cache, and {max(served)} was served")
            partials = list((cache / "partial").iterdir()) if (cache / "partial").is_dir() else []
            left = [p.name for p in temporary.iterdir()]
            say(f"{kills} kills, {number} generations, {len(partials)} partial downloads, {len(left)} run folders left")
            check(len(left) <= 2, "folders of dead servers pile up in TMPDIR:", left[:10])


def quietly(work):
    def run():
        try:
            work()
        except Exception:  # noqa: BLE001
            pass
    return run


def run(options):
    if blackbox.HAS_NGINX:
        workers_die(options, options.pick(8, 60))
    else:
        say("skipped: nginx is not installed")
    try:
        everything_dies(options, options.pick(8, 100))
    except Skipped as reason:
        say("skipped:", reason)
