#!/usr/bin/env python3
"""Differential fuzzer: random small graphs through swiftlet, against ONNX Runtime and onnx.reference.

    python Fuzz/differential/fuzz.py --swiftlet .build/release/swiftlet [--family NAME ...] [--count N] [--seed N]
                                     [--out DIR] [--only ID] [--smoke]

Every graph has 1 to 6 nodes of one family, an opset from 7 to 23, and one folder in the layout of ONNX's backend tests;
what each node should give comes from ONNX Runtime, or from onnx.reference where ONNX Runtime has no such kernel. Hundreds
of folders go through one `swiftlet conformance`; when that process dies, halves are run until the guilty graph is found.

A graph that differs is printed with its folder, which is kept in DIR/mismatches. It is then cut down: each of its nodes
runs alone on the values it had, and the first that differs alone is kept beside it as `<name>_node<k>`. `--only ID` makes
one graph again (ID as printed: `<family>-<seed>-<number>`).

known.txt lists mismatches whose fault is not the engine's, a line each: a pattern, then ` # ` and the reason. A pattern
(`*` and `?` as in a shell) is matched with `<operator>: <message>` of the cut-down mismatch. Undefined behaviour (overflowing
casts, integer division by zero, the order of NaN) is never generated. `--smoke` makes 20 graphs a family, for CI.

Exit code 1: a mismatch that known.txt does not list. Needs numpy, onnx and onnxruntime (Tests/Zoo/requirements.txt).
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import json
import multiprocessing
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

BATCH = 250
TRIES = 40


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swiftlet", default=".build/release/swiftlet", help="the binary to test")
    parser.add_argument("--family", action="append", help="only this family; may be repeated")
    parser.add_argument("--count", type=int, default=200, help="graphs a family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, help="where folders go (default: a temporary one)")
    parser.add_argument("--only", metavar="ID", help="make and run one graph again")
    parser.add_argument("--smoke", action="store_true", help="20 graphs a family")
    parser.add_argument("--list", action="store_true", help="name the families")
    return parser.parse_args()


# --- making ----------------------------------------------------------------------------------------------------------


def make(identity: str, folder: pathlib.Path) -> dict | None:
    """Makes one graph; None where no valid graph came of it."""
    import onnx

    import maker
    from families import FAMILIES

    family = identity.split("-")[0]
    for attempt in range(TRIES):
        one = maker.Maker(f"{identity}/{attempt}")
        wanted = one.choice([1, 1, 1, 2, 2, 3, 4, 6])
        misses = 0
        while len(one.nodes) < wanted and misses < 8:
            try:
                one.choice(FAMILIES[family])(one)
            except (maker.Skip, ValueError, IndexError):
                misses += 1
        if not one.nodes:
            continue
        model = one.finish()
        try:
            onnx.checker.check_model(model, full_check=True)
        except Exception:
            continue
        return maker.write(folder, one, model, one.outputs, {"graph": one.describe(), "opset": one.opset})
    return None


def make_many(identities: list[str], folder: str, start_file: str) -> list[dict]:
    """Runs in a process of its own: an oracle that dies takes down only this batch, and the file says at which graph."""
    warnings.simplefilter("ignore")
    made = []
    for identity in identities:
        pathlib.Path(start_file).write_text(identity)
        entry = make(identity, pathlib.Path(folder) / identity)
        if entry:
            made.append(entry)
    return made


def make_batch(identities: list[str], folder: pathlib.Path) -> list[dict]:
    folder.mkdir(parents=True, exist_ok=True)
    made, left = [], list(identities)
    start_file = folder / ".current"
    context = multiprocessing.get_context("spawn")
    while left:
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            try:
                made += pool.submit(make_many, left, str(folder), str(start_file)).result()
                break
            except concurrent.futures.process.BrokenProcessPool:
                guilty = start_file.read_text()
                print(f"note: the oracle died at {guilty}", flush=True)
                place = left.index(guilty)
                for identity in left[:place]:
                    case = folder / identity / "case.json"
                    if case.exists():
                        made.append(json.loads(case.read_text()))
                shutil.rmtree(folder / guilty, ignore_errors=True)
                left = left[place + 1 :]
    return made


# --- running ---------------------------------------------------------------------------------------------------------


def run(swiftlet: str, folder: pathlib.Path, entries: list[dict]) -> dict[str, tuple[str, str]]:
    """Status and message of every case; halves the cases while the process dies."""
    if not entries:
        return {}
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        for entry in entries:
            (place / entry["name"]).symlink_to((folder / entry["name"]).resolve())
        (place / "index.json").write_text(json.dumps({"cases": entries}))
        report = place / "report.json"
        command = [swiftlet, "conformance", str(place), "--json", str(report)]
        seconds = 20 + len(entries)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, errors="replace")
            died = "" if done.returncode in (0, 1) and report.exists() else f"exit {done.returncode}: {last_words(done.stderr)}"
        except subprocess.TimeoutExpired:
            died = f"still running after {seconds} s"
        if not died:
            cases = json.loads(report.read_text())["cases"]
            return {case["name"]: (case["status"], case["message"]) for case in cases}
    if len(entries) == 1:
        return {entries[0]["name"]: ("CRASH", died)}
    half = len(entries) // 2
    return run(swiftlet, folder, entries[:half]) | run(swiftlet, folder, entries[half:])


def last_words(text: str) -> str:
    lines = [line for line in text.splitlines() if "Fatal error" in line or "error:" in line or "crashed" in line]
    return " | ".join(lines[:3])[:600] or text[-300:]


# --- cutting down ----------------------------------------------------------------------------------------------------


def cut_down(swiftlet: str, identity: str, folder: pathlib.Path, kept: pathlib.Path):
    """The first node that differs alone, as (its operator, status, message); also kept as a folder of its own."""
    import maker
    from families import FAMILIES

    family = identity.split("-")[0]
    for attempt in range(TRIES):
        one = maker.Maker(f"{identity}/{attempt}")
        wanted = one.choice([1, 1, 1, 2, 2, 3, 4, 6])
        misses = 0
        while len(one.nodes) < wanted and misses < 8:
            try:
                one.choice(FAMILIES[family])(one)
            except (maker.Skip, ValueError, IndexError):
                misses += 1
        if one.nodes and valid(one):
            break
    else:
        return None
    entries, operators = [], {}
    for place, node in enumerate(one.nodes):
        name = f"{identity}_node{place}"
        outputs = [output for output in node.output if output]
        model = one.assemble([node], outputs)
        entries.append(maker.write(kept / name, one, model, outputs, {"graph": describe_node(one, node), "opset": one.opset}))
        operators[name] = node.op_type
    results = run(swiftlet, kept, entries)
    guilty = None
    nodes = {entry["name"]: node for entry, node in zip(entries, one.nodes, strict=True)}
    for entry in entries:
        status, message = results.get(entry["name"], ("pass", ""))
        if status != "pass" and guilty is None:
            side = side_of_reference(swiftlet, one, nodes[entry["name"]], kept) if status == "fail" else ""
            guilty = (operators[entry["name"]], status, message + side, entry["graph"], entry["name"])
        elif status == "pass" or guilty:
            shutil.rmtree(kept / entry["name"], ignore_errors=True)
    return guilty


def side_of_reference(swiftlet: str, one, node, kept: pathlib.Path) -> str:
    """With whom onnx.reference agrees, to tell whose fault a mismatch is."""
    import maker
    import oracle

    outputs = [name for name in node.output if name]
    before = {name: one.values[name] for name in outputs}
    model = one.assemble([node], outputs)
    try:
        feeds = {name: one.values[name] for name in maker.uses(node) if name in one.values}
        answers = oracle.run_reference(oracle.model_of([node], feeds, [(n, None) for n in outputs], one.opset, one.ml), feeds)
        one.values.update(zip(outputs, answers, strict=True))
        name = "reference_side"
        entry = maker.write(kept / name, one, model, outputs, {})
        status = run(swiftlet, kept, [entry])[name][0]
        return " (the reference agrees with swiftlet)" if status == "pass" else " (the reference does not agree with swiftlet)"
    except Exception as error:
        return f" (the reference: {type(error).__name__})"
    finally:
        one.values.update(before)
        shutil.rmtree(kept / "reference_side", ignore_errors=True)


def valid(one) -> bool:
    import onnx

    try:
        onnx.checker.check_model(one.finish(), full_check=True)
        return True
    except Exception:
        return False


def describe_node(one, node) -> str:
    import onnx

    attributes = {attribute.name: str(onnx.helper.get_attribute_value(attribute))[:60] for attribute in node.attribute}
    given = ", ".join(one.short(name) for name in node.input)
    return f"opset {one.opset}: {node.op_type}({given}) {attributes}"


# --- the whole -------------------------------------------------------------------------------------------------------


def known() -> list[tuple[str, str]]:
    lines = (HERE / "known.txt").read_text().splitlines()
    pairs = [line.split(" # ", 1) for line in lines if line.strip() and not line.startswith("#")]
    return [(pattern.strip(), reason) for pattern, reason in pairs]


def main() -> int:
    from families import FAMILIES

    arguments = parse()
    if arguments.list:
        print("\n".join(FAMILIES))
        return 0
    swiftlet = str(pathlib.Path(arguments.swiftlet).resolve())
    out = arguments.out or pathlib.Path(tempfile.mkdtemp(prefix="swiftlet-fuzz-"))
    kept = out / "mismatches"
    kept.mkdir(parents=True, exist_ok=True)
    count = 20 if arguments.smoke else arguments.count
    if arguments.only:
        jobs = {arguments.only.split("-")[0]: [arguments.only]}
    else:
        families = arguments.family or list(FAMILIES)
        jobs = {family: [f"{family}-{arguments.seed}-{number}" for number in range(count)] for family in families}
    excused, new = known(), 0
    for family, identities in jobs.items():
        new += run_family(swiftlet, family, identities, out, kept, excused)
    print(f"{new} mismatches that known.txt does not list; folders are in {kept}")
    return 1 if new else 0


def run_family(swiftlet, family, identities, out, kept, excused) -> int:
    started = time.perf_counter()
    tally = collections.Counter()
    operators = collections.Counter()
    new = 0
    for start in range(0, len(identities), BATCH):
        folder = out / family
        shutil.rmtree(folder, ignore_errors=True)
        entries = make_batch(identities[start : start + BATCH], folder)
        tally["made"] += len(entries)
        for entry in entries:
            for source in entry["sources"]:
                tally[source] += 1
            operators.update(part.split("(")[0].strip() for part in entry["graph"].split(": ", 1)[1].split(";"))
        for name, (status, message) in run(swiftlet, folder, entries).items():
            tally[status] += 1
            if status == "pass":
                continue
            new += report(swiftlet, name, status, message, folder, kept, excused)
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.perf_counter() - started
    print(f"{family}: {dict(tally)}, {len(operators)} operators, {seconds:.0f} s", flush=True)
    return new


def report(swiftlet, name, status, message, folder, kept, excused) -> int:
    """Prints a mismatch and keeps its folders; 1 if it is not a known one."""
    shutil.rmtree(kept / name, ignore_errors=True)
    shutil.copytree(folder / name, kept / name)
    entry = json.loads((folder / name / "case.json").read_text())
    guilty = cut_down(swiftlet, name, folder, kept)
    operator, status, text, graph, where = guilty or ("graph", status, message, entry["graph"], name)
    for pattern, reason in excused:
        if fnmatch.fnmatchcase(f"{operator}: {text}", pattern):
            print(f"known {name}: {operator}: {reason}", flush=True)
            for path in kept.glob(f"{name}*"):
                if path.name == name or path.name.startswith(f"{name}_"):
                    shutil.rmtree(path)
            return 0
    print(f"{status} {where}: {operator} [{','.join(entry['sources'])}]\n    {graph}\n    {text}", flush=True)
    return 1


def lend_locale() -> None:
    """ONNX Runtime wants a locale en_US.UTF-8 for StringNormalizer; where there is none, C.UTF-8 serves under its name."""
    folder = pathlib.Path(tempfile.gettempdir()) / "zoo-locales"
    if "LOCPATH" in os.environ or not pathlib.Path("/usr/lib/locale/C.utf8").exists():
        return
    folder.mkdir(exist_ok=True)
    for alias in ("en_US.utf8", "C.utf8"):
        if not (folder / alias).exists():
            (folder / alias).symlink_to("/usr/lib/locale/C.utf8")
    os.environ["LOCPATH"] = str(folder)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    lend_locale()
    sys.exit(main())
