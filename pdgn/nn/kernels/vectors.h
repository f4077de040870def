/* Vectors of the processor in GCC's notation, and the sizes that follow from them. */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__)
enum { LANES = 16, VECTORS = 4 }; /* 6 × 4 sums, 4 values, 1 factor: 29 of 32 registers */
#else
enum { LANES = 8, VECTORS = 2 }; /* 6 × 2 sums, 2 values, 1 factor: 15 of 16 registers */
#endif
enum { TILE = 6, UNIT = 16 }; /* rows of a tile; every width that is written is a multiple of UNIT */

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef float loose __attribute__((vector_size(4 * LANES), aligned(4), may_alias)); /* at any address */

static inline vec load(const float *from) { return *(const loose *)from; }
static inline void store(float *to, vec value) { *(loose *)to = value; }

static inline long padded(long width) { return (width + UNIT - 1) / UNIT * UNIT; }
static inline long least(long a, long b) { return a < b ? a : b; }

/* Room for some numbers, on a cache line of its own; aborts where there is none, as the C library does. */
static inline float *room(long count) {
    void *found = NULL;
    if (posix_memalign(&found, 64, sizeof(float) * (size_t)(count > 0 ? count : 1)) != 0) abort();
    return found;
}
