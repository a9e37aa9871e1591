"""Matrix products, einsum and determinants."""

import numpy as np

from maker import FLOATS, Skip

REAL = ["float32", "float32", "float32", "float64", "float16"]


def sizes(m, zero=0.03):
    return [0 if m.chance(zero) else m.choice([1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65]) for _ in range(3)]


def matmul(m):
    dtype = m.choice([*REAL, *REAL, "int32", "int64", "uint32"])
    rows, inner, columns = sizes(m)
    batch = m.shape(high=2, limit=8)
    left = (*m.broadcastable(batch), rows, inner) if m.chance(0.85) else (inner,)
    right = (*m.broadcastable(batch), inner, columns) if m.chance(0.85) else (inner,)
    a = m.tensor(dtype, left)
    m.node("MatMul", [a, m.constant(m.array(dtype, right), 0.5)])


def dense(m):
    """A product with a constant, a bias and an activation: what gets fused and packed."""
    dtype = m.choice(["float32", "float32", "float32", "float16", "float64"])
    rows, inner, columns = sizes(m, 0.01)
    lead = m.shape(high=2, limit=8)
    x = m.tensor(dtype, (*lead, rows, inner))
    (y,) = m.node("MatMul", [x, m.constant(m.array(dtype, (inner, columns)), 1.0)])
    bias = m.constant(m.array(dtype, m.choice([(columns,), (1,), (), (1, columns), (rows, 1)])), 1.0)
    (z,) = m.node("Add", [y, bias] if m.chance(0.7) else [bias, y])
    if m.chance(0.7):
        m.node(m.choice(["Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSwish", "Softplus", "Gelu", "Elu"]), [z])


def gemm(m):
    dtype = m.choice([*REAL, "int32"])
    rows, inner, columns = sizes(m, 0.02)
    ta, tb = m.choice([None, 0, 1]), m.choice([None, 0, 1])
    a = m.tensor(dtype, (inner, rows) if ta else (rows, inner))
    b = m.constant(m.array(dtype, (columns, inner) if tb else (inner, columns)), 0.6)
    given = [a, b]
    if m.opset < 11 or m.chance(0.7):
        shape = m.choice([(rows, columns), (1, columns), (columns,), (rows, 1), (1,), (), (1, 1)])
        given.append(m.constant(m.array(dtype, shape), 0.6))
    whole = dtype == "int32"
    (y,) = m.node("Gemm", given, transA=ta, transB=tb, alpha=m.choice([None, 2.0 if whole else 0.5]),
                  beta=m.choice([None, 2.0 if whole else -0.25, 0.0]))
    if m.chance(0.4) and not whole:
        m.node(m.choice(["Relu", "Sigmoid", "Tanh", "Clip"]), [y])


EQUATIONS = """ij,jk->ik ij,kj->ik bij,bjk->bik bij,bkj->bik bhid,bhjd->bhij bhij,bhjd->bhid ij->ji ij->i ij-> ii->i ii->
ij,ij->ij ij,ij-> i,j->ij i,i-> bij,jk->bik bn,anm,bm->ba ...ij,...jk->...ik ...i,i->...i b...,b...->b... ij,jk ijk,lkj->il
abc,cd,de->abe ...ii->...i bthd,bshd->bhts i,i->i bijk,bikl->bijl ij,j->i a,b,c->abc aab->ab""".split()


def einsum(m):
    equation = m.choice(EQUATIONS)
    left = equation.split("->")[0].split(",")
    extents = {letter: m.choice([1, 2, 3, 4, 5, 8, 9]) for letter in "abcdehijklmnst"}
    extra = m.shape(high=2, limit=8, zero=0)
    dtype = m.choice(["float32", "float32", "float64", "int32", "float16"])
    given = []
    for term in left:
        letters = term.replace("...", "")
        shape = [extents[letter] for letter in letters]
        if "..." in term:
            at = term.index(".")
            lead = list(m.broadcastable(extra)) if m.chance(0.3) else list(extra)
            shape = shape[:at] + lead + shape[at:]
        given.append(m.constant(m.array(dtype, shape), 0.25))
    m.node("Einsum", given, equation=equation if m.chance(0.7) else equation.replace(",", " , ").replace("->", " -> "))


def integer_product(m):
    rows, inner, columns = sizes(m, 0.02)
    a, b = m.choice(["uint8", "int8"]), m.choice(["uint8", "int8"])
    left = (*m.shape(high=1, limit=4), rows, inner)
    x = m.tensor(a, left, low=-128 if a == "int8" else 0, high=127 if a == "int8" else 255)
    y = m.constant(m.array(b, (inner, columns), low=-128 if b == "int8" else 0, high=127 if b == "int8" else 255), 0.6)
    given = [x, y]
    if m.chance(0.7):
        given.append(m.constant(m.array(a, ()), 0.9))
        if m.chance(0.7):
            given.append(m.constant(m.array(b, m.choice([(), (columns,)])), 0.9))
    m.node("MatMulInteger", given)


def quantised_product(m):
    rows, inner, columns = sizes(m, 0.01)
    kinds = [m.choice(["uint8", "int8"])] * 2 if m.chance(0.5) else ["uint8", "int8"]
    arrays = []
    for kind, shape in zip(kinds, [(rows, inner), (inner, columns)], strict=True):
        arrays.append(m.array(kind, shape, low=-20 if kind == "int8" else 0, high=60))

    def number(kind, shape=()):
        if kind == "scale":
            return m.constant(m.array("float32", shape, 0.01, 0.2), 1.0)
        return m.constant(m.array(kind, shape, 0, 5), 1.0)

    per_column = (columns,) if m.chance(0.3) else ()
    m.node("QLinearMatMul", [
        m.input(arrays[0]), number("scale"), number(kinds[0]),
        m.constant(arrays[1]), number("scale", per_column), number(kinds[1], per_column),
        number("scale"), number(kinds[0]),
    ])  # fmt: skip


def determinant(m):
    n = m.integer(1, 5)
    m.node("Det", [m.tensor(m.choice(["float32", "float64"]), (*m.shape(high=2, limit=6), n, n))])


def attention_written_out(m):
    b, h, s, t, d = (m.integer(1, 3), m.integer(1, 3), m.integer(1, 9), m.integer(1, 9), m.choice([4, 8, 16]))
    q, k, v = (m.tensor("float32", shape) for shape in [(b, h, s, d), (b, h, t, d), (b, h, t, d)])
    (kt,) = m.node("Transpose", [k], perm=[0, 1, 3, 2])
    (scores,) = m.node("MatMul", [q, kt])
    (scaled,) = m.node("Div", [scores, m.constant(np.array(d**0.5, dtype=np.float32), 1.0)])
    (p,) = m.node("Softmax", [scaled], axis=3 if m.opset < 11 else -1)
    (y,) = m.node("MatMul", [p, v])
    (z,) = m.node("Transpose", [y], perm=[0, 2, 1, 3])
    m.node("Reshape", [z, m.constant(np.array([0, 0, -1], dtype=np.int64), 1.0)])


PRODUCTS = [matmul, matmul, dense, dense, gemm, gemm, einsum, einsum, integer_product, quantised_product, determinant, attention_written_out]
__all__ = ["FLOATS", "PRODUCTS", "Skip"]
