"""The families of random operators: name to generators, each a function that adds one or more nodes to a Maker."""

from . import casting, control, elementwise, gathering, normalisation, products, reductions, shapes, signals, text, trees, windows

FAMILIES = {
    "elementwise": elementwise.ELEMENTWISE,
    "broadcasting": elementwise.BROADCASTING,
    "reductions": reductions.REDUCTIONS,
    "shapes": shapes.SHAPES,
    "gathering": gathering.GATHERING,
    "products": products.PRODUCTS,
    "windows": windows.WINDOWS,
    "normalisation": normalisation.NORMALISATION,
    "recurrent": normalisation.RECURRENT,
    "attention": normalisation.ATTENTION,
    "casting": casting.CASTING,
    "control": control.CONTROL,
    "text": text.TEXT,
    "trees": trees.TREES,
    "signals": signals.SIGNALS,
}
# Whole graphs that mix the families which pass plain tensors on.
FAMILIES["mixed"] = [
    generator
    for name in ("elementwise", "broadcasting", "reductions", "shapes", "gathering", "products", "normalisation")
    for generator in FAMILIES[name]
]
