/// Every ONNX operator that models may use. One operator is one file under `Operators/` and one name here.
public enum OperatorTable {
  public static let operators: [ONNXOperator] =
    math + array + neural + vision + machineLearning + control + training + contrib + experimental

  /// Arithmetic, comparison, logic, reductions.
  static let math: [ONNXOperator] =
    unary + activations + arithmetic + logic + comparison + variadic + casting + softmax + reductions + argReductions
    + cumulative + quantization + signal + random
    + [clip, det, einsum, gemm, matMul, mod, pRelu, pow, swiGLU, `where`]

  /// Shapes, gathering, joining, selecting; strings.
  static let array: [ONNXOperator] = [
    identity, constant, constantOfShape, shape, size,
    reshape, flatten, squeeze, unsqueeze, transpose,
    concat, split, slice, expand, tile, pad, centerCropPad,
    gather, gatherElements, gatherND, scatter, scatterElements, scatterND, tensorScatter,
    range, eyeLike, trilu, oneHot, nonZero, compress, unique, topK,
    depthToSpace, spaceToDepth, reverseSequence, dropout, nonMaxSuppression,
    stringConcat, stringSplit, stringNormalizer, regexFullMatch, tfIdfVectorizer,
  ]

  /// Convolution, pooling, normalisation, recurrence, attention.
  static let neural: [ONNXOperator] =
    pools + rowNormalizations + recurrent + losses + axisNormalizations + [
      attention, batchNormalization, causalConvWithState, col2Im, conv, convInteger, convTranspose, deformConv,
      flexAttention, gridSample, linearAttention, maxUnpool, qLinearConv, resize, rotaryEmbedding, upsample,
    ]

  /// Images, places in them, and regions of them.
  static let vision: [ONNXOperator] = [affineGrid, imageDecoder, maxRoiPool, roiAlign]

  /// The domain `ai.onnx.ml`.
  static let machineLearning: [ONNXOperator] = [
    arrayFeatureExtractor, binarizer, castMap, categoryMapper, cdist, dictVectorizer, featureVectorizer, imputer,
    labelEncoder, linearClassifier, linearRegressor, normalizer, oneHotEncoder, scaler, svmClassifier, svmRegressor,
    treeEnsemble, treeEnsembleClassifier, treeEnsembleRegressor, zipMap,
  ]

  /// Branches, loops, sequences, optionals.
  static let control: [ONNXOperator] = [
    conditional, loop, scan,
    sequenceConstruct, sequenceEmpty, sequenceInsert, sequenceErase, sequenceAt, sequenceLength,
    concatFromSequence, splitToSequence, sequenceMap,
    makeOptional, optionalHasElement, optionalGetElement,
  ]

  /// The domain `ai.onnx.preview.training`.
  static let training: [ONNXOperator] = optimizers + [gradient]

  /// The domain `com.microsoft`.
  static let contrib: [ONNXOperator] =
    contribActivations + contribAttention + contribNormalizations + contribStandard + fusedProducts + qLinear
    + quantizedProducts + [dynamicQuantizeLSTM, gatherBlockQuantized, tokenizer]

  private static let index: [String: ONNXOperator] = Dictionary(
    operators.map { ("\($0.domain)/\($0.name)", $0) }, uniquingKeysWith: { first, _ in first })

  /// The entry for an operator, or nil.
  public static func find(domain: String, name: String) -> ONNXOperator? {
    index["\(domain == "ai.onnx" ? "" : domain)/\(name)"]
  }
}
