/* Weighted differences and their derivatives; see pdgn/nn/differences.py for the equations.

   Every number of the weights, and of what has their size, is read or written once. A row is that of an edge or a node
   with all kernels and channels, K·C numbers behind each other. */
#include <omp.h>

#include "rows.h"

/* N nodes, E edges, K kernels, C channels. The rows of a weight lie `stride` apart and are K·C different numbers, or
   one number for all of them where `step` is 0. */
typedef struct {
    int64_t threads, nodes, edges, kernels, channels;
    int64_t w1_stride, w1_step, w2_stride, w2_step, v1_stride, v1_step, v2_stride, v2_step;
    const float *x;                                         /* [N, C] */
    const float *w1, *w2, *v1, *v2;                         /* [E, K, C] */
    const int64_t *source, *target, *by_target, *target_ptr; /* [E], [E], [E], [N + 1] */
    float *gradient, *laplacian;                            /* [E, K, C], [N, K, C] */
    const float *by_gradient, *by_laplacian;                /* the same, or NULL for zero */
    float *by_x;                                            /* [N, C] or NULL */
    float *by_w1, *by_w2, *by_v1, *by_v2;                   /* [E, K, C] or NULL */
} Differences;

static const float *weight_row(const float *weight, long stride, long step, long edge, long width, float *space) {
    const float *row = weight + edge * stride;
    if (step == 1) return row;
    for (long c = 0; c < width; c++) space[c] = row[0];
    return space;
}

/* The signal of a node, once for each kernel. */
static const float *signal_row(const Differences *d, long node, float *space) {
    const float *row = d->x + node * d->channels;
    if (d->kernels == 1) return row;
    for (long k = 0; k < d->kernels; k++)
        for (long c = 0; c < d->channels; c++) space[k * d->channels + c] = row[c];
    return space;
}

/* out [C] = Σ over kernels. */
static void fold(const Differences *d, const float *row, float *out) {
    for (long c = 0; c < d->channels; c++) out[c] = row[c];
    for (long k = 1; k < d->kernels; k++)
        for (long c = 0; c < d->channels; c++) out[c] += row[k * d->channels + c];
}

/* The four weights of an edge. */
typedef struct {
    const float *w1, *w2, *v1, *v2;
} Weights;

static Weights weights_of(const Differences *d, long edge, long width, float *space) {
    return (Weights){weight_row(d->w1, d->w1_stride, d->w1_step, edge, width, space),
                     weight_row(d->w2, d->w2_stride, d->w2_step, edge, width, space + width),
                     weight_row(d->v1, d->v1_stride, d->v1_step, edge, width, space + 2 * width),
                     weight_row(d->v2, d->v2_stride, d->v2_step, edge, width, space + 3 * width)};
}

void pdgn_differences_forward(const Differences *d) {
    const long width = d->kernels * d->channels;
#pragma omp parallel num_threads(d->threads)
    {
        float *space = room(6 * width);
#pragma omp for schedule(static)
        for (long node = 0; node < d->nodes; node++) {
            float *restrict laplacian = d->laplacian + node * width;
            const float *target = signal_row(d, node, space + 4 * width);
            for (long c = 0; c < width; c++) laplacian[c] = 0.0f;
            for (long place = d->target_ptr[node]; place < d->target_ptr[node + 1]; place++) {
                const long edge = d->by_target[place];
                const float *source = signal_row(d, d->source[edge], space + 5 * width);
                const Weights w = weights_of(d, edge, width, space);
                float *restrict gradient = d->gradient + edge * width;
                for (long c = 0; c < width; c++) {
                    gradient[c] = w.w1[c] * (source[c] - w.w2[c] * target[c]);
                    laplacian[c] += w.v1[c] * (target[c] - w.v2[c] * source[c]);
                }
            }
        }
        free(space);
    }
}

/* Derivatives of w (a − u b), with grad by it, by w and u, written where they are wanted; through = grad w. */
static void derive(long width, const float *grad, const float *w, const float *u, const float *a, const float *b,
                   float *restrict by_w, float *restrict by_u, float *restrict through) {
    for (long c = 0; c < width; c++) through[c] = grad[c] * w[c];
    if (by_w != NULL)
        for (long c = 0; c < width; c++) by_w[c] = grad[c] * (a[c] - u[c] * b[c]);
    if (by_u != NULL)
        for (long c = 0; c < width; c++) by_u[c] = -through[c] * b[c];
}

static float *row_or_null(float *rows, long edge, long width) { return rows == NULL ? NULL : rows + edge * width; }

/* One edge: derivatives by its weights; by the signal at its two ends, [C] each, where they are wanted. */
static void derive_edge(const Differences *d, long edge, float *to_source, float *to_target, float *space) {
    const long width = d->kernels * d->channels;
    float *along = space + 4 * width, *across = space + 5 * width, *zero = space + 8 * width;
    const float *source = signal_row(d, d->source[edge], space + 6 * width);
    const float *target = signal_row(d, d->target[edge], space + 7 * width);
    const Weights w = weights_of(d, edge, width, space);
    const float *by_gradient = d->by_gradient == NULL ? zero : d->by_gradient + edge * width;
    const float *by_laplacian = d->by_laplacian == NULL ? zero : d->by_laplacian + d->target[edge] * width;
    derive(width, by_gradient, w.w1, w.w2, source, target, row_or_null(d->by_w1, edge, width),
           row_or_null(d->by_w2, edge, width), along);
    derive(width, by_laplacian, w.v1, w.v2, target, source, row_or_null(d->by_v1, edge, width),
           row_or_null(d->by_v2, edge, width), across);
    if (d->by_x == NULL) return;
    float *by_source = space + 6 * width, *by_target = space + 7 * width; /* the signal there has been used */
    for (long c = 0; c < width; c++) {
        by_source[c] = along[c] - across[c] * w.v2[c];
        by_target[c] = across[c] - along[c] * w.w2[c];
    }
    fold(d, by_source, to_source);
    fold(d, by_target, to_target);
}

void pdgn_differences_backward(const Differences *d) {
    const long width = d->kernels * d->channels, channels = d->channels, units = padded(channels) / UNIT;
    float *ends = room(least(SLICE, d->edges) * 2 * channels);
#pragma omp parallel num_threads(d->threads)
    {
        const long thread = omp_get_thread_num(), threads = omp_get_num_threads();
        const long from = units * thread / threads * UNIT, to = least(units * (thread + 1) / threads * UNIT, channels);
        float *space = room(9 * width);
        memset(space + 8 * width, 0, sizeof(float) * (size_t)width);
        for (long slice = 0; slice < d->edges; slice += SLICE) {
            const long count = least(SLICE, d->edges - slice);
#pragma omp for schedule(static)
            for (long r = 0; r < count; r++)
                derive_edge(d, slice + r, ends + 2 * r * channels, ends + (2 * r + 1) * channels, space);
            if (d->by_x != NULL) {
                scatter_columns(d->by_x, channels, d->source + slice, ends, 2 * channels, count, from, to);
                scatter_columns(d->by_x, channels, d->target + slice, ends + channels, 2 * channels, count, from, to);
            }
#pragma omp barrier
        }
        free(space);
    }
    free(ends);
}
