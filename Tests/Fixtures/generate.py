#!/usr/bin/env python3
"""Makes the parity fixtures: models with the answers that the framework which made them gives.

    python Tests/Fixtures/generate.py [--only PATTERN] [--out DIR] [--list]

PATTERN is a shell pattern or a part of `<family>/<case>`. Without --out the fixtures beside this script are made anew.
The same versions (requirements.txt) on the same machine give the same bytes.
"""

import os
import sys

# One thread, so that sums are always taken in the same order; unseeded hashes would reorder the converters' sets.
FIXED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
if __name__ == "__main__" and any(os.environ.get(name) != value for name, value in FIXED.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **FIXED})

import argparse  # noqa: E402
import collections  # noqa: E402
import fnmatch  # noqa: E402
import importlib  # noqa: E402
import pathlib  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

FAMILIES = {
    "sklearn": ["sklearn_linear", "sklearn_trees", "sklearn_kernels", "sklearn_preprocessing", "sklearn_text"],
    "boosting": ["boosting_models"],
    "torch": ["torch_vision", "torch_sequences"],
    "contrib": ["contrib"],
    "quantized": ["quantized"],
}


def main() -> int:
    arguments = parse()
    failed = 0
    for family, modules in FAMILIES.items():
        failed += make_family(family, modules, arguments)
    if not arguments.list:
        print_operators(arguments.out)
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="*", metavar="PATTERN", help="make only these cases")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, metavar="DIR", help="where the families' folders go")
    parser.add_argument("--list", action="store_true", help="name the cases and make none")
    return parser.parse_args()


def wanted(case: str, pattern: str) -> bool:
    return fnmatch.fnmatch(case, pattern) or ("*" not in pattern and pattern in case)


def make_family(family: str, modules: list[str], arguments: argparse.Namespace) -> int:
    """Makes the family's cases; how many failed."""
    import numpy

    from generators import cases

    recipes = []
    for module in modules:
        recipes += importlib.import_module(f"generators.{module}").RECIPES
    names = [recipe.name for recipe in recipes]
    repeated = [name for name, count in collections.Counter(names).items() if count > 1]
    if repeated:
        raise SystemExit(f"{family}: two cases of one name: {', '.join(repeated)}")
    everything = len(recipes)
    recipes = [recipe for recipe in recipes if wanted(f"{family}/{recipe.name}", arguments.only)]
    if arguments.list:
        print("\n".join(f"{family}/{recipe.name}" for recipe in recipes))
        return 0
    if not recipes:
        return 0

    folder = arguments.out / family
    if len(recipes) == everything:
        shutil.rmtree(folder, ignore_errors=True)  # a case that is no longer made goes away
    folder.mkdir(parents=True, exist_ok=True)
    entries = {name: entry for name, entry in cases.read_index(folder).items() if name in names}
    failed = 0
    for recipe in recipes:
        started = time.perf_counter()
        random.seed(0)
        numpy.random.seed(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fixture = recipe.build()
                entry = cases.write(folder, recipe.name, fixture)
                worst = cases.check(recipe.name, fixture, folder / recipe.name / "model.onnx")
        except Exception as error:
            failed += 1
            entries.pop(recipe.name, None)
            shutil.rmtree(folder / recipe.name, ignore_errors=True)
            print(f"FAILED  {family}/{recipe.name}: {type(error).__name__}: {str(error)[:600]}", flush=True)
            if os.environ.get("TRACE"):
                raise
            continue
        entries[recipe.name] = entry
        size = sum(path.stat().st_size for path in (folder / recipe.name).rglob("*") if path.is_file())
        seconds = time.perf_counter() - started
        print(f"ok      {family}/{recipe.name}: {size} bytes, {worst:.3f} of tolerance, {seconds:.1f} s", flush=True)
    cases.write_index(folder, list(entries.values()))
    return failed


def print_operators(out: pathlib.Path) -> None:
    """The operators that the fixtures in the folder use, with the version each model's opset selects."""
    from generators import operators

    print("\noperator, version, cases")
    for (domain, name, version), count in operators.used_in(out).items():
        print(f"{domain or 'ai.onnx'}.{name}-{version} {count}")


if __name__ == "__main__":
    sys.exit(main())
