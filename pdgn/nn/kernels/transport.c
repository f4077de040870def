/* Sums of weighted differences to the neighbours and their derivatives; see pdgn/nn/transport.py for the equations. */
#include <omp.h>

#include "rows.h"

/* N nodes, E edges, C channels. A weight is a row of C numbers, or, where `matrix`, a C × C matrix. */
typedef struct {
    int64_t threads, nodes, channels, matrix;
    const float *x, *weight;                    /* [N, C], [E, C] or [E, C, C] */
    const int64_t *source, *target;             /* [E] */
    const int64_t *by_source, *by_target;       /* [E]; NULL: 0, 1, 2 ... */
    const int64_t *source_ptr, *target_ptr;     /* [N + 1] */
    float *out;                                 /* [N, C] */
    const float *by_out;                        /* [N, C] */
    float *by_x, *by_weight;                    /* [N, C], [E, C] or [E, C, C]; NULL: not wanted */
} Transport;

#define FIXED static inline __attribute__((always_inline))

FIXED long edge_at(const int64_t *order, long place) { return order == NULL ? place : order[place]; }

/* out += W difference. */
FIXED void apply(const float *weight, const float *difference, float *restrict out, long channels, int matrix) {
    for (long d = 0; d < channels; d++) {
        if (!matrix) out[d] += weight[d] * difference[d];
        else
            for (long c = 0; c < channels; c++) out[d] += weight[d * channels + c] * difference[c];
    }
}

/* out += sign Wᵀ grad. */
FIXED void apply_transposed(const float *weight, const float *grad, float *restrict out, float sign, long channels,
                            int matrix) {
    for (long c = 0; c < channels; c++) {
        if (!matrix) out[c] += sign * weight[c] * grad[c];
        else
            for (long d = 0; d < channels; d++) out[c] += sign * weight[d * channels + c] * grad[d];
    }
}

FIXED void forward(const Transport *t, long channels, int matrix) {
    const long size = matrix ? channels * channels : channels;
#pragma omp parallel num_threads(t->threads)
    {
        float few[8], *difference = channels <= 8 ? few : room(channels);
#pragma omp for schedule(static)
        for (long node = 0; node < t->nodes; node++) {
            float *restrict out = t->out + node * channels;
            const float *own = t->x + node * channels;
            for (long c = 0; c < channels; c++) out[c] = 0.0f;
            for (long place = t->target_ptr[node]; place < t->target_ptr[node + 1]; place++) {
                const long edge = edge_at(t->by_target, place);
                const float *other = t->x + t->source[edge] * channels;
                for (long c = 0; c < channels; c++) difference[c] = other[c] - own[c];
                apply(t->weight + edge * size, difference, out, channels, matrix);
            }
        }
        if (channels > 8) free(difference);
    }
}

/* What arrives at a node gives it Wᵀ grad with a minus, what leaves it that of the other end: no two threads write to
   the same place. */
FIXED void backward(const Transport *t, long channels, int matrix) {
    const long size = matrix ? channels * channels : channels;
#pragma omp parallel for schedule(static) num_threads(t->threads)
    for (long node = 0; node < t->nodes; node++) {
        const float *own = t->x + node * channels, *grad = t->by_out + node * channels;
        float *restrict by_x = t->by_x == NULL ? NULL : t->by_x + node * channels;
        for (long c = 0; by_x != NULL && c < channels; c++) by_x[c] = 0.0f;
        for (long place = t->target_ptr[node]; place < t->target_ptr[node + 1]; place++) {
            const long edge = edge_at(t->by_target, place);
            if (by_x != NULL) apply_transposed(t->weight + edge * size, grad, by_x, -1.0f, channels, matrix);
            if (t->by_weight == NULL) continue;
            const float *other = t->x + t->source[edge] * channels;
            float *restrict by_weight = t->by_weight + edge * size;
            for (long d = 0; d < channels; d++) {
                if (!matrix) by_weight[d] = grad[d] * (other[d] - own[d]);
                else
                    for (long c = 0; c < channels; c++) by_weight[d * channels + c] = grad[d] * (other[c] - own[c]);
            }
        }
        if (by_x == NULL) continue;
        for (long place = t->source_ptr[node]; place < t->source_ptr[node + 1]; place++) {
            const long edge = edge_at(t->by_source, place);
            apply_transposed(t->weight + edge * size, t->by_out + t->target[edge] * channels, by_x, 1.0f, channels,
                             matrix);
        }
    }
}

/* The usual few channels are known when this is compiled, so that their loops are unrolled. */
#define FOR_CHANNELS(pass)                                      \
    do {                                                        \
        if (t->channels == 1) pass(t, 1, 0);                    \
        else if (t->channels == 2 && t->matrix) pass(t, 2, 1);  \
        else if (t->channels == 3 && t->matrix) pass(t, 3, 1);  \
        else if (t->matrix) pass(t, t->channels, 1);            \
        else pass(t, t->channels, 0);                           \
    } while (0)

void pdgn_transport_forward(const Transport *t) { FOR_CHANNELS(forward); }

void pdgn_transport_backward(const Transport *t) { FOR_CHANNELS(backward); }
