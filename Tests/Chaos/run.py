"""Runs the scenarios: `run.py [--smoke] [--minutes N] [--seed N] [SCENARIO...]`."""

import argparse
import importlib
import sys
import time
import traceback

SCENARIOS = [
    "swap_under_load", "kills", "store_down", "fault_proxy", "disk_full", "fleet_chaos", "many_readers", "races",
]


def main():
    parser = argparse.ArgumentParser(prog="scripts/chaos")
    parser.add_argument("--smoke", action="store_true", help="the short form")
    parser.add_argument("--minutes", type=float, help="how long a scenario goes on")
    parser.add_argument("--seed", type=int, help="of the random choices")
    parser.add_argument("--list", action="store_true", help="the scenarios")
    parser.add_argument("scenario", nargs="*")
    words = parser.parse_args()
    if words.list:
        for name in SCENARIOS:
            print(f"{name}: {importlib.import_module(name).__doc__.strip().splitlines()[0]}")
        return 0
    import kit

    unknown = [name for name in words.scenario if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]}; there are {', '.join(SCENARIOS)}")
    failed, began = [], time.monotonic()
    for name in words.scenario or SCENARIOS:
        options = kit.Options(words.smoke, words.minutes, words.seed)
        print(f"== {name} (seed {options.seed})", flush=True)
        start = time.monotonic()
        try:
            importlib.import_module(name).run(options)
            print(f"   ok, {time.monotonic() - start:.1f} s", flush=True)
        except kit.Skipped as reason:
            print(f"   SKIPPED: {reason}", flush=True)
        except Exception as error:  # noqa: BLE001
            if not isinstance(error, kit.Failed):
                traceback.print_exc()
            print(f"   FAILED after {time.monotonic() - start:.1f} s (seed {options.seed}): {error}", flush=True)
            failed.append(name)
    print(f"{'FAILED: ' + ', '.join(failed) if failed else 'all passed'}, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
