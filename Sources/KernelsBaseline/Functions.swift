// Elementary functions on vectors. Coefficients: scripts/kernel-coefficients.

/// `2^n` for the integers `n` in -126...127.
@inline(__always) private func powerOfTwo(_ n: VI) -> V { floats((n &+ VI(repeating: 127)) &<< VI(repeating: 23)) }

/// Splits `x = n ln2 + r` with |r| <= ln2/2 and returns the nearest integer `n` and `exp(r)`.
@inline(__always) private func reduceExp(_ x: V) -> (n: VI, e: V) {
  let magic: Float = 12_582_912
  let shifted = fma(x, 1.442_695_04, magic)
  let n = shifted - V(repeating: magic)
  var r = fma(n, -0.693_145_75, x)
  r = fma(n, -1.428_606_77e-6, r)
  var p = fma(r, 0.000_197_902_48, 0.001_394_475_9)
  p = fma(p, r, 0.008_333_498)
  p = fma(p, r, 0.041_666_295)
  p = fma(p, r, 0.166_666_66)
  p = fma(p, r, 0.5)
  return (bits(shifted) &- VI(repeating: 0x4B40_0000), fma(p, r * r, r) + V(repeating: 1))
}

/// exp over the whole range: denormal results, 0 and infinity included.
@inline(__always) func vexp(_ x: V) -> V {
  let (n, e) = reduceExp(atMost(atLeast(x, -104), 89))
  let half = n &>> VI(repeating: 1)
  return (e * powerOfTwo(half)) * powerOfTwo(n &- half)
}

/// exp for arguments that are not positive; results below the normal range are 0.
@inline(__always) func vexpNonPositive(_ x: V) -> V {
  let (n, e) = reduceExp(atLeast(x, -87.3))
  return (e * powerOfTwo(n)).replacing(with: V.zero, where: x .< V(repeating: -87.3))
}

/// exp(x) - 1 for arguments that are not positive, without cancellation near 0.
@inline(__always) func vexpm1NonPositive(_ x: V) -> V {
  var p = fma(x, 1.0 / 5040, 1.0 / 720)
  p = fma(p, x, 1.0 / 120)
  p = fma(p, x, 1.0 / 24)
  p = fma(p, x, 1.0 / 6)
  p = fma(p, x, 0.5)
  let small = fma(p, x * x, x)
  return (vexpNonPositive(x) - V(repeating: 1)).replacing(with: small, where: x .> V(repeating: -0.3))
}

@inline(__always) func vlog(_ x: V) -> V {
  let one = V(repeating: 1)
  let tiny = x .< V(repeating: .leastNormalMagnitude)
  let scaled = x.replacing(with: x * V(repeating: 8_388_608), where: tiny)
  let b = bits(scaled)
  // The exponent that leaves a significand in [√½, √2).
  let e = (b &- VI(repeating: 0x3F35_04F3)) &>> VI(repeating: 23)
  let m = floats(b &- (e &<< VI(repeating: 23)))
  var k = floats((e &+ VI(repeating: 0x4B40_0000))) - V(repeating: 12_582_912)
  k = k.replacing(with: k - V(repeating: 23), where: tiny)
  let t = m - one
  var p = fma(t, -0.076_344_3, 0.127_615_5)
  p = fma(p, t, -0.131_601_94)
  p = fma(p, t, 0.142_017_62)
  p = fma(p, t, -0.166_233_57)
  p = fma(p, t, 0.200_012_27)
  p = fma(p, t, -0.250_008_23)
  p = fma(p, t, 0.333_333_3)
  let t2 = t * t
  var r = fma(p * t, t2, k * V(repeating: -2.121_944_4e-4))
  r = fma(t2, -0.5, r)
  r = fma(k, 0.693_359_375, r + t)
  r = r.replacing(with: x, where: x .== V(repeating: .infinity))
  r = r.replacing(with: V(repeating: -.infinity), where: x .== V.zero)
  r = r.replacing(with: V(repeating: .nan), where: x .< V.zero)
  return r.replacing(with: x, where: x .!= x)
}

@inline(__always) func vtanh(_ x: V) -> V {
  let t = abs(x)
  let z = x * x
  var p = fma(z, -0.005_717_037, 0.020_650_579)
  p = fma(p, z, -0.053_743_497)
  p = fma(p, z, 0.133_314_91)
  p = fma(p, z, -0.333_332_84)
  let small = fma(p * z, x, x)
  let (n, e) = reduceExp(atMost(t + t, 20))
  let large = V(repeating: 1) - V(repeating: 2) / fma(e, powerOfTwo(n), 1)
  return copysign(large, x).replacing(with: small, where: t .< V(repeating: 0.625))
}

@inline(__always) func verf(_ x: V) -> V {
  let t = abs(x)
  let z = x * x
  var p = fma(z, -0.000_611_129_16, 0.005_016_228)
  p = fma(p, z, -0.026_781_958)
  p = fma(p, z, 0.112_822_3)
  p = fma(p, z, -0.376_125_34)
  p = fma(p, z, 0.128_379_15)
  let small = fma(p, x, x)
  let c = atMost(t, 4)
  var q = fma(c, 1.043_311_5e-5, -0.000_314_858_1)
  q = fma(q, c, 0.003_610_342)
  q = fma(q, c, -0.023_694_566)
  q = fma(q, c, 0.106_159_05)
  q = fma(q, c, 0.635_198_06)
  q = fma(q, c, 1.128_637_1)
  let (n, e) = reduceExp(V.zero - q * c)
  let large = V(repeating: 1) - e * powerOfTwo(n)
  return copysign(large, x).replacing(with: small, where: t .< V(repeating: 0.9))
}

@inline(__always) func vsigmoid(_ x: V) -> V {
  let one = V(repeating: 1)
  let z = vexp(V.zero - abs(x))
  let d = one + z
  return (one / d).replacing(with: z / d, where: x .< V.zero)
}

@inline(__always) func vgelu(_ x: V) -> V {
  let h = x * V(repeating: 0.5)
  return fma(h, verf(x * V(repeating: 0.707_106_78)), h)
}

@inline(__always) func vgeluTanh(_ x: V) -> V {
  let h = x * V(repeating: 0.5)
  let inner = fma(x * x, 0.044_715, 1) * (x * V(repeating: 0.797_884_56))
  return fma(h, vtanh(inner), h)
}

@inline(__always) func vsilu(_ x: V) -> V { x * vsigmoid(x) }

/// `max(x, 0) + log1p(exp(-|x|))`.
@inline(__always) func vsoftplus(_ x: V) -> V {
  let e = vexp(V.zero - abs(x))
  let u = V(repeating: 1) + e
  // log1p(e) = log(u) * e / (u - 1); e itself where u rounds to 1.
  let d = u - V(repeating: 1)
  let l = (vlog(u) * (e / d)).replacing(with: e, where: d .== V.zero)
  return atLeast(x, 0) + l
}

@inline(__always) func vrelu(_ x: V) -> V { atLeast(x, 0) }
