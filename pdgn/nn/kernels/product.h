/* Products of matrices that lie in the cache: out (+)= left · right. */
#pragma once

#include "vectors.h"

/* A matrix by its first number and the distances between its rows and between its columns, so that a transposed matrix
   is the same memory read otherwise. */
typedef struct {
    const float *first;
    long by_row, by_column;
} Matrix;

/* rows × vectors of out in registers. Both are constants where this is called, so that the loops over them vanish. */
static inline __attribute__((always_inline)) void tile(
    float *out, long stride, Matrix left, const float *right, long right_stride, long inner, int add, const int rows,
    const int vectors) {
    vec sum[TILE][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) sum[r][v] = add ? load(out + r * stride + v * LANES) : (vec){0};
    for (long k = 0; k < inner; k++) {
        vec value[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) value[v] = load(right + k * right_stride + v * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const float factor = left.first[r * left.by_row + k * left.by_column];
#pragma GCC unroll 8
            for (int v = 0; v < vectors; v++) sum[r][v] += factor * value[v];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) store(out + r * stride + v * LANES, sum[r][v]);
}

#define ROWS_OF_TILES(NAME, WIDTH)                                                                              \
    static void NAME(float *out, long stride, Matrix left, const float *right, long right_stride, long rows,   \
                     long inner, int add) {                                                                     \
        for (; rows >= TILE; rows -= TILE, out += TILE * stride, left.first += TILE * left.by_row)              \
            tile(out, stride, left, right, right_stride, inner, add, TILE, WIDTH);                              \
        for (; rows >= 2; rows -= 2, out += 2 * stride, left.first += 2 * left.by_row)                          \
            tile(out, stride, left, right, right_stride, inner, add, 2, WIDTH);                                 \
        if (rows == 1) tile(out, stride, left, right, right_stride, inner, add, 1, WIDTH);                      \
    }
ROWS_OF_TILES(wide_panel, VECTORS)
ROWS_OF_TILES(narrow_panel, 1)

/* out [rows, columns] (+)= left [rows, inner] · right [inner, columns]; columns is a multiple of LANES. Columns are taken
   in panels whose part of right stays in the first cache. */
static inline void product(float *out, long stride, Matrix left, const float *right, long right_stride, long rows,
                           long inner, long columns, int add) {
    long c = 0;
    for (; c + VECTORS * LANES <= columns; c += VECTORS * LANES)
        wide_panel(out + c, stride, left, right + c, right_stride, rows, inner, add);
    for (; c < columns; c += LANES)
        narrow_panel(out + c, stride, left, right + c, right_stride, rows, inner, add);
}

/* Rows as they lie in memory, and the transposed of them. */
static inline Matrix rows_of(const float *first, long stride) { return (Matrix){first, stride, 1}; }
static inline Matrix columns_of(const float *first, long stride) { return (Matrix){first, 1, stride}; }
