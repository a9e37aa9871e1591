/// How the coefficients of a component are coded: its COD or COC.
struct J2KCoding {
  var levels = 0
  /// Logarithms of the extents of code-blocks.
  var blockWidth = 6
  var blockHeight = 6
  /// Contexts start anew with each pass; blocks do not look below their stripe; passes end with four known bits.
  var resets = false
  var isCausal = false
  var hasMarks = false
  /// The 5/3 wavelet, which loses nothing.
  var isReversible = true
  /// Logarithms of the extents of precincts, by resolution.
  var precincts: [(x: Int, y: Int)] = []
}

/// Quantisation of a component: its QCD or QCC.
struct J2KQuantization {
  var guardBits = 0
  /// For each band: exponent and mantissa of the step.
  var steps: [(exponent: Int, mantissa: Int)] = []
}

/// What holds for a tile.
struct J2KParameters {
  var progression = 0
  var layers = 1
  var mixesColours = false
  var hasPacketMarkers = false
  var hasHeaderMarkers = false
  var coding: [J2KCoding] = []
  var quantization: [J2KQuantization] = []
  /// Components that have parameters of their own.
  var ownCoding: Set<Int> = []
  var ownQuantization: Set<Int> = []
}

/// A rectangle of samples: from the first to before the second.
struct J2KArea: Equatable {
  var x0: Int
  var y0: Int
  var x1: Int
  var y1: Int

  var width: Int { Swift.max(0, x1 - x0) }
  var height: Int { Swift.max(0, y1 - y0) }
  var isEmpty: Bool { width == 0 || height == 0 }
}
