// Between float32 and the floating-point kinds of 16 bits.

import CIntegerDot
import KernelSlots

func halfKernels() -> HalfKernels {
  #if KERNELS_AVX512 || KERNELS_AVX2
  HalfKernels(
    toFloat16: kernelToFloat16, fromFloat16: kernelFromFloat16, toBFloat16: kernelToBFloat16,
    fromBFloat16: kernelFromBFloat16)
  #else
  HalfKernels(toFloat16: nil, fromFloat16: nil, toBFloat16: kernelToBFloat16, fromBFloat16: kernelFromBFloat16)
  #endif
}

#if KERNELS_AVX512 || KERNELS_AVX2
func kernelToFloat16(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ n: Int) {
  var i = 0
  while i &+ width <= n {
    #if KERNELS_AVX512
    store_float16_x16(load(x + i), y + i)
    #else
    store_float16_x8(load(x + i), y + i)
    #endif
    i &+= width
  }
  while i < n {
    y[i] = to_float16(x[i])
    i &+= 1
  }
}

func kernelFromFloat16(_ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  var i = 0
  while i &+ width <= n {
    #if KERNELS_AVX512
    store(load_float16_x16(x + i), y + i)
    #else
    store(load_float16_x8(x + i), y + i)
    #endif
    i &+= width
  }
  while i < n {
    y[i] = from_float16(x[i])
    i &+= 1
  }
}
#endif

func kernelToBFloat16(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt16>, _ n: Int) {
  var i = 0
  while i < n {
    let bits = x[i].bitPattern
    let rounded = (bits &+ 0x7FFF &+ ((bits &>> 16) & 1)) &>> 16
    let quiet = (bits &>> 16) | 0x40
    y[i] = UInt16(truncatingIfNeeded: bits & 0x7FFF_FFFF > 0x7F80_0000 ? quiet : rounded)
    i &+= 1
  }
}

func kernelFromBFloat16(_ x: UnsafePointer<UInt16>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  var i = 0
  while i < n {
    y[i] = Float(bitPattern: UInt32(truncatingIfNeeded: x[i]) &<< 16)
    i &+= 1
  }
}
