"""The store is away: at the start with a warm cache, with a cold one, and later on.

Promised: a warm cache serves, with a warning; with a cold one /ping says 503 and why until the store is there, and when
`fetch-deadline` passes the program ends with a message and a code; a server that runs serves on, a refresh fails with an
honest status, and works again as soon as the store does. What a refresh refused is not what a later start serves.
"""

import functools
import time

from kit import (
    FRONTS, Failed, Load, Proxy, S3, Server, answer_of, artifact, check, every, has_ended, ping, reason_of, refresh,
    resigned, s3_environment, say, scratch, unloadable, wait_until,
)

URL = "s3://models/m.tar.gz"


def flags(folder, name, deadline="60"):
    return ["--management", "loopback", "--cache-dir", str(folder / name), "--fetch-deadline", deadline]


def cold(front, folder, proxy, environment):
    proxy.down()
    with Server(*flags(folder, f"cold-{front}"), model=URL, front=front, env=environment, ready=False) as server:
        check(wait_until(lambda: answers(server, 503), 15), "/ping does not answer 503 while the store is away:",
              server.log[-2000:])
        status, answer = ping(server)
        check(wait_until(lambda: "127.0.0.1" in str(ping(server)[1]) or "fetched yet" in str(ping(server)[1]), 15),
              "/ping gives no reason:", ping(server))
        began = time.monotonic()
        try:
            status, _, body = server.predict(b"0\n", timeout=10)
        except TimeoutError:
            raise Failed(f"{front}: a prediction hangs while there is no model yet")
        check(status == 503, "a prediction without a model:", status, body)
        check(time.monotonic() - began < 5, "a prediction without a model waits")
        status, answer = refresh(server)
        check(status == 503, "a refresh without a model:", status, answer)
        proxy.up()
        check(wait_until(lambda: answers(server, 200), 40), "the store is back, and /ping does not become 200:",
              ping(server), server.log[-2000:])
        check(answer_of(server) == 1, "not the store's model")


def never(front, folder, proxy, environment):
    proxy.down()
    began = time.monotonic()
    with Server(*flags(folder, f"never-{front}", "3"), model=URL, front=front, env=environment, ready=False) as server:
        check(has_ended(server, 60), "fetch-deadline passes and the program runs on:", server.log[-2000:])
        took = time.monotonic() - began
        last = server.log.strip().splitlines()[-1]
        check(server.process.returncode not in (0, None) and server.process.returncode > 0, "it ended with",
              server.process.returncode)
        check("swiftlet:" in last, "the last line tells no reason:", last)
        check(2.5 < took < 30, f"fetch-deadline was 3 s, and it took {took:.1f} s")
        check(not server.family(), "processes are left")
    say(f"{front}: cold start waits and serves; gave up after {took:.1f} s with {server.process.returncode}: {last[-160:]}")


def answers(server, status):
    try:
        return ping(server)[0] == status
    except OSError:
        return False


def warm(front, folder, proxy, environment):
    proxy.up()
    with Server(*flags(folder, f"warm-{front}"), model=URL, front=front, env=environment) as server:
        check(answer_of(server) == 1, "not the store's model")
        # Away while it serves.
        with Load(server.port, clients=4, pause=0.002) as load:
            proxy.down()
            for _ in range(2):
                began = time.monotonic()
                status, answer = refresh(server, timeout=120)
                check(status in (502, 503, 504), "a refresh while the store is away:", status, answer)
                check(reason_of(answer), "without a reason:", answer)
            took = time.monotonic() - began
            seen = ping(server)
            check(seen[0] == 200 and seen[1]["model"]["lastRefresh"]["result"] == "failed" and seen[1]["model"]["lastError"],
                  "/ping does not report it:", seen)
            proxy.up()
            status, answer = refresh(server)
            check(status == 200 and answer["result"] == "unchanged", "the store is back:", status, answer)
            check("lastError" not in ping(server)[1].get("model", {}), "the reason stays after a success:", ping(server))
            load.stop()
            load.check(server)
    proxy.down()
    began = time.monotonic()
    with Server(*flags(folder, f"warm-{front}"), model=URL, front=front, env=environment) as server:
        check(answer_of(server) == 1, "not the cache's model")
        check("WARN" in server.log, "no warning that the cache serves:", server.log)
        ready = time.monotonic() - began
        proxy.up()
        status, answer = refresh(server)
        check(status == 200, "the store is back:", status, answer)
    say(f"{front}: warm start in {ready:.1f} s without the store; a refresh without it failed in {took:.1f} s")


def refused(front, folder, proxy, s3, environment, spoil, options):
    """What a refresh refused is in the cache all the same, and is not what the next start serves."""
    proxy.up()
    s3.put("m.tar.gz", artifact(1))
    cache = f"refused-{front}-{spoil.__name__}"
    with Server(*flags(folder, cache), model=URL, front=front, env=environment) as server:
        check(answer_of(server) == 1, "not the store's model")
        s3.put("m.tar.gz", spoil(2, options.random("refused", spoil.__name__)))
        status, answer = refresh(server)
        check(status == 424, "a spoiled generation was taken:", status, answer)
    proxy.down()
    with Server(*flags(folder, cache), model=URL, front=front, env=environment, ready=False) as server:
        wait_until(lambda: server.process.poll() is not None or answers(server, 200), 30)
        check(server.process.poll() is None, f"{front}: a generation that a refresh refused ({spoil.__name__}) keeps a"
              " later start from the cache from serving the good one:", server.log[-1500:])
        status, _, body = server.predict(b"0\n")
        check(status == 200 and body.startswith(b"1"), f"{front}: a start from the cache serves what a refresh refused"
              f" ({spoil.__name__}):", status, body)
    say(f"{front}: what was refused ({spoil.__name__}) is not served from the cache")


def run(options):
    fronts = FRONTS if not options.smoke else FRONTS[-1:]
    with scratch() as folder, S3(folder) as s3, Proxy(s3.port) as proxy:
        environment = s3_environment(proxy.port, folder)
        s3.put("m.tar.gz", artifact(1))
        parts = []
        for front in fronts:
            for part in cold, never, warm:
                parts.append((f"{part.__name__} {front}", functools.partial(part, front, folder, proxy, environment)))
        for front in fronts:
            for spoil in unloadable, resigned:
                parts.append((f"refused {front} {spoil.__name__}", functools.partial(
                    refused, front, folder, proxy, s3, environment, spoil, options)))
        every(parts)
