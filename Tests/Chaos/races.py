"""Moments that a random test seldom meets, aimed at.

- A model file is replaced while the server starts: all workers serve one generation, and after a refresh the newest.
- Workers die while a rollback and polls go on: the choice of the rollback holds.
"""

import functools
import os
import signal
import time

from kit import (
    FRONTS, Server, answer_of, call, check, every, onnx_model, ping, refresh, replace, say, scratch, wait_until,
)


def replaced_during_start(options, front):
    rng = options.random("start", front)
    seen = {}
    for turn in range(options.pick(3, 25)):
        with scratch() as folder:
            path = folder / "model.onnx"
            replace(path, onnx_model(1, weights=2_000_000))
            following = onnx_model(2, weights=2_000_000)
            began = time.monotonic()
            with Server("--management", "loopback", "--cache-dir", str(folder / "cache"), model=str(path), front=front,
                        ready=False) as server:
                time.sleep(rng.random() * 0.8)
                moment = time.monotonic() - began
                replace(path, following)
                server.wait_ready(60)
                first = {answer_of(server) for _ in range(30)}
                status, answer = refresh(server)
                check(status == 200, "refresh:", status, answer)
                second = {answer_of(server) for _ in range(30)}
                key = (tuple(sorted(first)), answer["result"], tuple(sorted(second)))
                seen[key] = seen.get(key, 0) + 1
                check(second == {2}, f"replaced {moment:.3f} s after the start: {sorted(first)} answered, the refresh said"
                      f" \"{answer['result']}\", and then {sorted(second)} answered")
                check(len(first) == 1, f"workers serve different generations: {first}, replaced after {moment:.3f} s")
    say(f"{front}: answers before, result of the refresh, answers after: {seen}")


def rollback_holds(options, front):
    rng = options.random("rollback", front)
    with scratch() as folder:
        path = folder / "model.onnx"
        replace(path, onnx_model(1))
        flags = ["--management", "loopback", "--cache-dir", str(folder / "cache"), "--refresh-interval", "100ms"]
        with Server(*flags, model=str(path), front=front) as server:
            time.sleep(0.5)
            replace(path, onnx_model(2))
            check(wait_until(lambda: answer_of(server) == 2, 10), "polling does not take a new generation", ping(server))
            check(wait_until(lambda: rolled_back(server), 10), "no rollback:", call(server, "POST", "/models/model/rollback"))
            for _ in range(options.pick(3, 15)):
                check(answer_of(server) == 1, "the rollback does not hold:", ping(server))
                if front == "nginx" and server.workers:
                    os.kill(rng.choice(server.workers), signal.SIGKILL)
                time.sleep(0.2)


def rolled_back(server):
    status, answer = call(server, "POST", "/models/model/rollback")
    return status == 200 and answer["result"] == "rolled_back"


def run(options):
    every([(f"{part.__name__} {front}", functools.partial(part, options, front))
           for front in FRONTS for part in (replaced_during_start, rollback_holds)])
