#ifndef C_INTEGER_DOT_H
#define C_INTEGER_DOT_H

// Operations on vectors of integers and of narrow floats that Swift cannot spell, or only lane by lane. Everything here is inlined: what is
// compiled for a wide instruction set stays in the module that was compiled for it.

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INTEGER_DOT_INLINE static inline __attribute__((always_inline))

#define INTEGER_DOT_VECTORS(N, M)                                                                                   \
  typedef int int32_x##N __attribute__((ext_vector_type(N)));                                                      \
  typedef float float_x##N __attribute__((ext_vector_type(N)));                                                    \
  typedef unsigned char uint8_x##N __attribute__((ext_vector_type(N)));                                            \
  typedef short int16_x##M __attribute__((ext_vector_type(M)));                                                    \
                                                                                                                    \
  /* Lane i: byte i of each of the four rows, that of the first row in the lowest place. */                        \
  INTEGER_DOT_INLINE int32_x##N interleave_x##N(                                                                    \
      const unsigned char *p, const unsigned char *q, const unsigned char *r, const unsigned char *s) {             \
    uint8_x##N a, b, c, d;                                                                                          \
    memcpy(&a, p, N);                                                                                               \
    memcpy(&b, q, N);                                                                                               \
    memcpy(&c, r, N);                                                                                               \
    memcpy(&d, s, N);                                                                                               \
    return __builtin_convertvector(a, int32_x##N) | __builtin_convertvector(b, int32_x##N) << 8 |                   \
           __builtin_convertvector(c, int32_x##N) << 16 | __builtin_convertvector(d, int32_x##N) << 24;             \
  }                                                                                                                 \
                                                                                                                    \
  /* In each 16 bits, the lower of the two signed bytes, and the upper one. */                                     \
  INTEGER_DOT_INLINE int32_x##N even_bytes_x##N(int32_x##N v) { return (int32_x##N)(((int16_x##M)v << 8) >> 8); }   \
  INTEGER_DOT_INLINE int32_x##N odd_bytes_x##N(int32_x##N v) { return (int32_x##N)((int16_x##M)v >> 8); }           \
                                                                                                                    \
  INTEGER_DOT_INLINE float_x##N to_float_x##N(int32_x##N v) { return __builtin_convertvector(v, float_x##N); }      \
                                                                                                                    \
  INTEGER_DOT_INLINE int32_x##N load_bytes_x##N(const unsigned char *p) {                                           \
    uint8_x##N bytes;                                                                                               \
    memcpy(&bytes, p, N);                                                                                           \
    return __builtin_convertvector(bytes, int32_x##N);                                                              \
  }                                                                                                                 \
                                                                                                                    \
  /* Stores the lowest byte of each lane. */                                                                       \
  INTEGER_DOT_INLINE void store_bytes_x##N(int32_x##N v, unsigned char *p) {                                        \
    uint8_x##N bytes = __builtin_convertvector(v, uint8_x##N);                                                      \
    memcpy(p, &bytes, N);                                                                                           \
  }

INTEGER_DOT_VECTORS(4, 8)

// Lanes of two 16-bit integers: their products, added up.
INTEGER_DOT_INLINE int32_x4 dot_pairs_x4(int32_x4 a, int32_x4 b) {
#if defined(__x86_64__)
  return (int32_x4)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  return ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
#endif
}

#if defined(__AVX2__)
INTEGER_DOT_VECTORS(8, 16)

INTEGER_DOT_INLINE int32_x8 dot_pairs_x8(int32_x8 a, int32_x8 b) {
  return (int32_x8)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}
#endif

#if defined(__F16C__)
INTEGER_DOT_INLINE void store_float16_x8(float_x8 v, unsigned short *p) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT));
}
INTEGER_DOT_INLINE float_x8 load_float16_x8(const unsigned short *p) {
  return (float_x8)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
INTEGER_DOT_INLINE unsigned short to_float16(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }
INTEGER_DOT_INLINE float from_float16(unsigned short x) { return _cvtsh_ss(x); }
#endif

#if defined(__AVX512BW__)
INTEGER_DOT_VECTORS(16, 32)

INTEGER_DOT_INLINE int32_x16 dot_pairs_x16(int32_x16 a, int32_x16 b) {
  return (int32_x16)_mm512_madd_epi16((__m512i)a, (__m512i)b);
}
#endif

#if defined(__AVX512F__)
INTEGER_DOT_INLINE void store_float16_x16(float_x16 v, unsigned short *p) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT));
}
INTEGER_DOT_INLINE float_x16 load_float16_x16(const unsigned short *p) {
  return (float_x16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
#endif

#if defined(__AVX512VNNI__)
// Lanes of four 8-bit integers, unsigned in `a`, signed in `b`: their products, added to `sum`.
INTEGER_DOT_INLINE int32_x16 dot_quads_x16(int32_x16 sum, int32_x16 a, int32_x16 b) {
  return (int32_x16)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
}
#endif

#endif
