#pragma once
#include <zlib.h>

// The version and size arguments are macros that Swift does not import.
static inline int swiftlet_inflate_init(z_stream *stream, int window_bits) {
  return inflateInit2(stream, window_bits);
}
