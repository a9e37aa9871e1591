#!/usr/bin/env python3
"""Makes a zoo of real exports, several hundred models, to run the engine against.

    python Tests/Zoo/generate.py OUT [--only PATTERN] [--list] [--keep]
    swiftlet conformance OUT --json report.json

Needs Tests/Zoo/requirements.txt. OUT/<family>/ gets a folder an entry (model.onnx, test_data_set_<n>/) and index.json
with the tolerances, what ONNX Runtime makes of the model (`ort`: agrees, disagrees or refuses), and where it disagrees
(`disagreements`). Expected values are the framework's own. Only where the exported model computes something else than
the framework (a converter's fault) are they ONNX Runtime's, and where a model is quantised by ONNX Runtime itself.

PATTERN is a shell pattern or a part of `<family>/<entry>`. --keep leaves entries alone that are there already.
Exit code 1: an entry could not be made, and not because its converter says that it can't.
"""

import os
import pathlib
import sys
import tempfile

# One thread, so that sums are always taken in the same order; unseeded hashes would reorder the converters' sets.
FIXED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
# ONNX Runtime wants a locale en_US.UTF-8 for StringNormalizer; where there is none, C.UTF-8 serves under its name.
LOCALES = pathlib.Path(tempfile.gettempdir()) / "zoo-locales"
if pathlib.Path("/usr/lib/locale/C.utf8").exists():
    LOCALES.mkdir(exist_ok=True)
    for alias in ["en_US.utf8", "C.utf8"]:
        if not (LOCALES / alias).exists():
            (LOCALES / alias).symlink_to("/usr/lib/locale/C.utf8")
    FIXED["LOCPATH"] = str(LOCALES)
if __name__ == "__main__" and any(os.environ.get(name) != value for name, value in FIXED.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **FIXED})

import argparse  # noqa: E402
import collections  # noqa: E402
import fnmatch  # noqa: E402
import importlib  # noqa: E402
import logging  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

FAMILIES = {
    "sklearn_estimators": ["zoo.sklearn_estimators"],
    "sklearn_pipelines": ["zoo.sklearn_pipelines"],
    "boosting": ["zoo.boosting"],
    "torch_vision": ["zoo.torch_vision"],
    "torch_sequences": ["zoo.torch_sequences"],
    "torch_functions": ["zoo.torch_functions"],
    "torch_control": ["zoo.torch_control"],
    "transformers": ["zoo.transformers_models"],
    "quantised": ["zoo.quantised"],
    "written": ["zoo.written"],
}


# What ONNX Runtime says of models that break the standard, where an exporter has made them so.
INVALID = ["InvalidGraph", "InvalidArgument", "Type Error", "is not a registered function", "must have shape"]


# What converters and exporters raise for what they can't do.
LACKING = {
    "ConversionError", "Impossible", "InvalidInputTypeException", "NotImplementedError", "OnnxExporterError",
    "SymbolicValueError", "TorchExportError", "UnsupportedOperatorError", "XGBoostError",
}  # fmt: skip


# Entries that stop a converter with an error of some other kind. They stay in the tables for the next version.
KNOWN_FAULTS = set(
    """bins_one_hot_sparse bins_one_hot_sparse_double cohere_script gaussian_nb_raw_iris gaussian_process_columns
    gaussian_process_two_names gp_opset23 gp_return_std gp_return_std_double integers_binarizer isolation_forest_double
    isolation_forest_features isolation_forest_features_double knn_opset23 lgbm_cross_entropy lgbm_mape mlp_raw_iris
    multi_output_classifier nearest_neighbors nearest_neighbors_double power_box_cox_double power_yeo_double
    power_yeo_plain_double quadratic_discriminant_two_names quantile_transformer_normal quantile_transformer_normal_double
    two_outputs_tree xgb_binary_logitraw xgb_dart xgb_dart_multiclass xgb_dart_regression xgb_gblinear
    xgb_gblinear_binary xgb_ranker xgb_ranker_pairwise knn_minkowski3_two_names one_vs_one_two_names
    radius_neighbors_zipmap radius_neighbors_two_names""".split()
)


class Impossible(Exception):
    """The exporter has no way to make this model, or makes one that breaks the standard."""


def main() -> int:
    arguments = parse()
    totals = collections.Counter()
    for family, modules in FAMILIES.items():
        totals += make_family(family, modules, arguments)
    if not arguments.list:
        print(", ".join(f"{count} {what}" for what, count in sorted(totals.items())))
    return 1 if totals["failed"] else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="where the families' folders go")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="make only these entries")
    parser.add_argument("--list", action="store_true", help="name the entries and make none")
    parser.add_argument("--keep", action="store_true", help="do not make again what is there")
    return parser.parse_args()


def wanted(name: str, pattern: str) -> bool:
    return fnmatch.fnmatch(name, pattern) or ("*" not in pattern and pattern in name)


def make_family(family: str, modules: list[str], arguments: argparse.Namespace) -> collections.Counter:
    """Makes the family's entries and its index; how many ended how."""
    from zoo.common import cases

    warnings.simplefilter("ignore")
    entries = [entry for module in modules for entry in importlib.import_module(module).ENTRIES]
    repeated = [name for name, count in collections.Counter(entry.name for entry in entries).items() if count > 1]
    if repeated:
        raise SystemExit(f"{family}: two entries of one name: {', '.join(repeated)}")
    chosen = [entry for entry in entries if wanted(f"{family}/{entry.name}", arguments.only)]
    if arguments.list:
        print("".join(f"{family}/{entry.name}{'  (' + entry.skip + ')' if entry.skip else ''}\n" for entry in chosen))
        return collections.Counter()
    folder = arguments.out / family
    index = cases.read_index(folder)
    counts = collections.Counter()
    for entry in chosen:
        if arguments.keep and entry.name in index:
            continue
        outcome, described = make_entry(folder, family, entry)
        counts[outcome] += 1
        index.pop(entry.name, None)
        if described:
            index[entry.name] = described
        else:
            shutil.rmtree(folder / entry.name, ignore_errors=True)
    if index:
        cases.write_index(folder, list(index.values()))
    return counts


def make_entry(folder: pathlib.Path, family: str, entry) -> tuple[str, dict | None]:
    """Makes one entry; how it ended, and its line in the index."""
    import numpy

    from zoo.common import cases, settle

    if entry.skip:
        return "skipped", None
    started = time.perf_counter()
    random.seed(0)
    numpy.random.seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.disable(logging.WARNING)
            fixture = entry.build()
            cases.tidy(fixture.model)
            ort, disagreements = settle(entry.name, fixture)
            if any(sign in ort for sign in INVALID):
                raise Impossible(f"the exporter makes an invalid graph: {ort[9:]}")
            described = cases.write(folder, entry.name, fixture, largest_file=None)
    except Exception as error:
        impossible = type(error).__name__ in LACKING or entry.name in KNOWN_FAULTS
        print(f"{'impossible' if impossible else 'FAILED':9} {family}/{entry.name}: {type(error).__name__}: {str(error)[:400]}", flush=True)
        if os.environ.get("TRACE"):
            raise
        return ("impossible" if impossible else "failed"), None
    described["ort"] = ort
    if disagreements:
        described["disagreements"] = disagreements
    verdict = ort.split(":")[0]
    detail = "" if ort == "agrees" else f": {ort if ort.startswith('refuses') else disagreements[0]}"
    print(f"{verdict:9} {family}/{entry.name} ({time.perf_counter() - started:.1f} s){detail}", flush=True)
    return verdict, described


if __name__ == "__main__":
    sys.exit(main())
