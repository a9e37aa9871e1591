/// A set of Unicode scalars.
struct ScalarSet: Sendable {
  var ranges: [ClosedRange<UInt32>] = []
  /// General categories, by the letters of their names: each with whether scalars outside it are meant.
  var categories: [(letters: String, isNegated: Bool)] = []
  /// Parts that are sets of their own (a negated class within a class).
  var parts: [ScalarSet] = []
  var isNegated = false
  /// Whether a scalar counts as its other case, too.
  var foldsCase = false

  init(_ ranges: [ClosedRange<UInt32>] = []) { self.ranges = ranges }

  init(ascii text: ClosedRange<Character>...) {
    ranges = text.map { $0.lowerBound.unicodeScalars.first!.value...$0.upperBound.unicodeScalars.first!.value }
  }

  static let digit = ScalarSet(ascii: "0"..."9")
  static let word = ScalarSet(ascii: "0"..."9", "A"..."Z", "_"..."_", "a"..."z")
  static let space = ScalarSet([9...10, 12...13, 32...32])

  var inverted: ScalarSet {
    var out = self
    out.isNegated.toggle()
    return out
  }

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    var found = holds(scalar)
    if foldsCase, !found {
      for text in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
        let mapped = text.unicodeScalars
        if !found, mapped.count == 1, let other = mapped.first, other != scalar { found = holds(other) }
      }
    }
    return found != isNegated
  }

  private func holds(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar.value) } || parts.contains { $0.contains(scalar) }
      || categories.contains { scalar.properties.generalCategory.letters.hasPrefix($0.letters) != $0.isNegated }
  }

  /// The POSIX class called `name`, such as `alpha`.
  static func posix(_ name: String) -> ScalarSet? {
    switch name {
    case "alnum": ScalarSet(ascii: "0"..."9", "A"..."Z", "a"..."z")
    case "alpha": ScalarSet(ascii: "A"..."Z", "a"..."z")
    case "ascii": ScalarSet([0...127])
    case "blank": ScalarSet([9...9, 32...32])
    case "cntrl": ScalarSet([0...31, 127...127])
    case "digit": digit
    case "graph": ScalarSet(ascii: "!"..."~")
    case "lower": ScalarSet(ascii: "a"..."z")
    case "print": ScalarSet(ascii: " "..."~")
    case "punct": ScalarSet(ascii: "!"..."/", ":"..."@", "["..."`", "{"..."~")
    case "space": ScalarSet([9...13, 32...32])
    case "upper": ScalarSet(ascii: "A"..."Z")
    case "word": word
    case "xdigit": ScalarSet(ascii: "0"..."9", "A"..."F", "a"..."f")
    default: nil
    }
  }

  /// Names of general categories.
  static let categoryNames: Set<String> = [
    "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
    "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
  ]
}

extension Unicode.GeneralCategory {
  /// The two letters of the Unicode standard.
  var letters: String {
    switch self {
    case .uppercaseLetter: "Lu"
    case .lowercaseLetter: "Ll"
    case .titlecaseLetter: "Lt"
    case .modifierLetter: "Lm"
    case .otherLetter: "Lo"
    case .nonspacingMark: "Mn"
    case .spacingMark: "Mc"
    case .enclosingMark: "Me"
    case .decimalNumber: "Nd"
    case .letterNumber: "Nl"
    case .otherNumber: "No"
    case .connectorPunctuation: "Pc"
    case .dashPunctuation: "Pd"
    case .openPunctuation: "Ps"
    case .closePunctuation: "Pe"
    case .initialPunctuation: "Pi"
    case .finalPunctuation: "Pf"
    case .otherPunctuation: "Po"
    case .mathSymbol: "Sm"
    case .currencySymbol: "Sc"
    case .modifierSymbol: "Sk"
    case .otherSymbol: "So"
    case .spaceSeparator: "Zs"
    case .lineSeparator: "Zl"
    case .paragraphSeparator: "Zp"
    case .control: "Cc"
    case .format: "Cf"
    case .surrogate: "Cs"
    case .privateUse: "Co"
    case .unassigned: "Cn"
    @unknown default: "Cn"
    }
  }
}
