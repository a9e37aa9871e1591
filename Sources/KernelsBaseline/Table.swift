public import KernelSlots

/// The kernels of this instruction set.
public func kernelTable() -> KernelTable {
  #if KERNELS_VNNI
  let name: StaticString = "cascadelake"
  #elseif KERNELS_AVX512
  let name: StaticString = "skylake-avx512"
  #elseif KERNELS_AVX2
  let name: StaticString = "haswell"
  #else
  let name: StaticString = "baseline"
  #endif
  return KernelTable(
    name: name, exp: kernelExp, log: kernelLog, tanh: kernelTanh, erf: kernelErf, sigmoid: kernelSigmoid,
    relu: kernelRelu, gelu: kernelGelu, geluTanh: kernelGeluTanh, silu: kernelSilu, softplus: kernelSoftplus,
    sqrt: kernelSqrt, reciprocal: kernelReciprocal, negate: kernelNegate, absolute: kernelAbsolute,
    square: kernelSquare, affine: kernelAffine, clip: kernelClip, leakyRelu: kernelLeakyRelu, elu: kernelElu,
    hardSigmoid: kernelHardSigmoid, add: kernelAdd, subtract: kernelSubtract, multiply: kernelMultiply,
    divide: kernelDivide, maximum: kernelMaximum, minimum: kernelMinimum, addScalar: kernelAddScalar,
    subtractScalar: kernelSubtractScalar, reversedSubtractScalar: kernelReversedSubtractScalar,
    multiplyScalar: kernelMultiplyScalar, divideScalar: kernelDivideScalar,
    reversedDivideScalar: kernelReversedDivideScalar, maximumScalar: kernelMaximumScalar,
    minimumScalar: kernelMinimumScalar, axpy: kernelAxpy, sum: kernelSum, sumOfSquares: kernelSumOfSquares,
    max: kernelMax, min: kernelMin, dot: kernelDot, softmax: kernelSoftmax, logSoftmax: kernelLogSoftmax,
    layerNorm: kernelLayerNorm, rmsNorm: kernelRMSNorm, transpose: kernelTranspose,
    gatherWindows: kernelGatherWindows, depthwise: kernelDepthwise, poolWindows: kernelPoolWindows, gemmRows: tileRows,
    gemmColumns: tileColumns, packB: kernelPackB, packA: kernelPackA, gemm: kernelGemm,
    half: halfKernels(),
    integer: IntegerKernels(
      rows: integerTileRows, rowUnit: rowUnit, packRows: kernelPackIntegerRows,
      packColumns: kernelPackIntegerColumns, gatherWindows: kernelGatherIntegerWindows,
      columnSums: kernelIntegerColumnSums, gemm: kernelIntegerGemm, quantize: kernelQuantize,
      dequantize: kernelDequantize),
    treeLeaves: kernelTreeLeaves)
}
