/* What lies between the products: rows of nodes at edges, sums over rows, blocks and slices of rows. */
#pragma once

#include "vectors.h"

/* Rows of a block, whose intermediate results stay in the second cache of a core; and of a slice, all cores' blocks
   between two sums at nodes. */
enum { BLOCK = 96, SLICE = 16 * BLOCK };

/* out [rows, width], width a multiple of LANES, = terms at target + terms at source, whose rows
   lie term_stride apart; or the bias; or 0. */
static inline void start_rows(float *out, long stride, long width, long rows, const float *at_target,
                              const float *at_source, long term_stride, const int64_t *target, const int64_t *source,
                              const float *bias) {
    for (long r = 0; r < rows; r++) {
        float *row = out + r * stride;
        if (target != NULL) {
            const float *one = at_target + target[r] * term_stride, *other = at_source + source[r] * term_stride;
            for (long c = 0; c < width; c += LANES) store(row + c, load(one + c) + load(other + c));
        } else if (bias != NULL) {
            memcpy(row, bias, sizeof(float) * (size_t)width);
        } else {
            memset(row, 0, sizeof(float) * (size_t)width);
        }
    }
}

/* out [columns] += Σ of the rows of a block, which is summed by itself first: the round-off then grows with the number of
   blocks and not of rows. */
static inline void add_rows(float *out, const float *rows, long stride, long count, long columns) {
    for (long first = 0; first < columns; first += LANES) {
        vec sum = {0};
        for (long r = 0; r < count; r++) sum += load(rows + r * stride + first);
        store(out + first, load(out + first) + sum);
    }
}

/* The rows with their width padded by zeros to a multiple of UNIT; where it is one, the rows themselves. */
static inline const float *padded_rows(const float *rows, long count, long width, float *space) {
    const long wide = padded(width);
    if (wide == width) return rows;
    for (long r = 0; r < count; r++) {
        memcpy(space + r * wide, rows + r * width, sizeof(float) * (size_t)width);
        memset(space + r * wide + width, 0, sizeof(float) * (size_t)(wide - width));
    }
    return space;
}

/* The first columns of padded rows. */
static inline void unpadded_rows(float *out, const float *rows, long count, long width) {
    for (long r = 0; r < count; r++) memcpy(out + r * width, rows + r * padded(width), sizeof(float) * (size_t)width);
}

/* out[end[r]] += rows[r] for a part of the columns: threads share the columns and not the rows, so that none waits for
   another and the order of the sums does not depend on how many there are. */
static inline void scatter_columns(float *out, long out_stride, const int64_t *end, const float *rows, long stride,
                                   long count, long first, long last) {
    for (long r = 0; r < count; r++) {
        float *to = out + end[r] * out_stride;
        const float *from = rows + r * stride;
        long c = first;
        for (; c + LANES <= last; c += LANES) store(to + c, load(to + c) + load(from + c));
        for (; c < last; c++) to[c] += from[c];
    }
}

/* out [rows, width] = the bias in every row. */
static inline void start_bias(float *out, long stride, long width, long rows, const float *bias) {
    start_rows(out, stride, width, rows, NULL, NULL, 0, NULL, NULL, bias);
}
