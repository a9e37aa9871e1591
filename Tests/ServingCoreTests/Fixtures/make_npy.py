"""Prints NpyFixtures.swift: npy and npz files as NumPy writes them, in base64.

Made with NumPy 2.4.6:  python3 make_npy.py > ../NpyFixtures.swift
"""

import base64
import io

import numpy as np


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version, allow_pickle=True)
    return file.getvalue()


def npz(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


matrix = np.array([[1.5, -2], [3, 4]], dtype="f4")
files = {
    "float32": npy(matrix),
    "version2": npy(matrix, (2, 0)),
    "version3": npy(matrix, (3, 0)),
    "bigFortranFloat64": npy(np.asfortranarray(matrix.astype(">f8"))),
    "float16": npy(matrix.astype("f2")),
    "int64": npy(np.array([[1, 2], [3, 4]])),
    "hugeInt64": npy(np.array([[1, 2], [3, 16777217]])),
    "uint8": npy(np.array([[1, 2], [3, 255]], dtype="u1")),
    "bool": npy(np.array([[True, False]])),
    "unicode": npy(np.array([["Bern", "Zürich😀"]])),
    "bytes": npy(np.array([[b"ab", b"c"]])),
    "objects": npy(np.array([[None, 1]], dtype=object)),
    "structured": npy(np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")])),
    "fortranCube": npy(np.asfortranarray(np.arange(12, dtype="<i4").reshape(2, 3, 2))),
    "nan": npy(np.array([[np.nan, np.inf]])),
    "tooGreat": npy(np.array([[1e39, 1]])),
    "oneDimensional": npy(np.array([1.0, 2.0])),
    "noRows": npy(np.zeros((0, 2), dtype="f4")),
    "npz": npz(np.savez, matrix),
    "npzNamedDeflated": npz(np.savez_compressed, x=np.tile(matrix, (40, 1))),
    "npzTwo": npz(np.savez, np.array([[1], [2]]), np.array([["a"], ["b"]])),
    "npzSparse": npz(np.savez, indices=np.array([0]), indptr=np.array([0, 1]), data=np.array([1.0])),
}
print("// Printed by Fixtures/make_npy.py.\n")
print("/// npy and npz files as NumPy %s writes them, in base64." % np.__version__)
print("enum NpyFixtures {")
for name, content in files.items():
    text = base64.b64encode(content).decode()
    print('  static let %s = base64(\n    """' % name)
    for i in range(0, len(text), 110):
        print("    " + text[i : i + 110] + ("\\" if i + 110 < len(text) else ""))
    print('    """)')
print("}")
