/* Two layers of an edge and its two ends; see pdgn/nn/edge_perceptron.py for the equations.

   The hidden layer of a block of edges lies in the cache from its first sum to its last use, forward and backward. */
#include <omp.h>

#include "activations.h"
#include "product.h"
#include "rows.h"

enum { RELU = 0, SILU = 1 };

/* E edges, R inputs of an edge, H hidden, O outputs. Weights as the products need them: first [R, H] forward and
   [H, R padded] backward; second [H, O padded] forward and [O, H] backward. */
typedef struct {
    int64_t threads, edges, inputs, width, outputs, activation;
    const float *edge;                  /* [E, R] */
    const float *at_target, *at_source; /* halves of [N, 2H], terms of the ends, or NULL */
    const int64_t *target, *source;     /* [E], or NULL */
    const float *first_bias;            /* [H], where there are no terms */
    const float *first, *second, *bias; /* bias [O padded] */
    const float *first_back;            /* [H, R padded], backward */
    float *out;                         /* [E, O] */
    const float *grad;                  /* [E, O] */
    float *by_edge;                     /* [E, R] or NULL */
    float *by_target, *by_source;       /* halves of [N, 2H], or NULL */
    float *by_first, *by_second, *by_first_bias, *by_bias; /* threads × [H, R padded], [O, H], [H], [O padded] */
} EdgePerceptron;

/* The hidden layer of some edges before its activation. */
static void hidden_rows(const EdgePerceptron *p, long first, long count, float *hidden) {
    const long h = p->width;
    start_rows(hidden, h, h, count, p->at_target, p->at_source, 2 * h, p->target ? p->target + first : NULL,
               p->target ? p->source + first : NULL, p->first_bias);
    product(hidden, h, rows_of(p->edge + first * p->inputs, p->inputs), p->first, h, count, p->inputs, h, 1);
}

static void activate(int64_t activation, long count, float *values) {
    if (activation == RELU)
        for (long c = 0; c < count; c++) values[c] = values[c] < 0.0f ? 0.0f : values[c];
    else
        for (long c = 0; c < count; c++) values[c] *= sigmoid(values[c]);
}

void pdgn_edge_perceptron_forward(const EdgePerceptron *p) {
    const long h = p->width, o = p->outputs, wide = padded(o);
#pragma omp parallel num_threads(p->threads)
    {
        float *hidden = room(BLOCK * h), *space = room(BLOCK * wide);
#pragma omp for schedule(static)
        for (long first = 0; first < p->edges; first += BLOCK) {
            const long count = least(BLOCK, p->edges - first);
            hidden_rows(p, first, count, hidden);
            activate(p->activation, count * h, hidden);
            float *out = wide == o ? p->out + first * o : space;
            start_bias(out, wide, wide, count, p->bias);
            product(out, wide, rows_of(hidden, h), p->second, wide, count, h, wide, 1);
            if (wide != o) unpadded_rows(p->out + first * o, out, count, o);
        }
        free(hidden);
        free(space);
    }
}

/* hidden becomes active, and through, the derivative by what is active, that by what is hidden. */
static void derive(int64_t activation, long count, float *hidden, float *through) {
    if (activation == RELU)
        for (long c = 0; c < count; c++) {
            through[c] = hidden[c] > 0.0f ? through[c] : 0.0f;
            hidden[c] = hidden[c] < 0.0f ? 0.0f : hidden[c];
        }
    else
        for (long c = 0; c < count; c++) {
            const float part = sigmoid(hidden[c]);
            through[c] *= part * (1.0f + hidden[c] * (1.0f - part));
            hidden[c] *= part;
        }
}

/* Adds a slice of derivatives by the hidden layer at both ends of its edges, each thread some of the columns. */
static void add_to_nodes(const EdgePerceptron *p, long first, long count, const float *through) {
    const long h = p->width, units = h / UNIT, thread = omp_get_thread_num(), threads = omp_get_num_threads();
    const long from = units * thread / threads * UNIT, to = units * (thread + 1) / threads * UNIT;
    scatter_columns(p->by_target, 2 * h, p->target + first, through, h, count, from, to);
    scatter_columns(p->by_source, 2 * h, p->source + first, through, h, count, from, to);
}

void pdgn_edge_perceptron_backward(const EdgePerceptron *p) {
    const long h = p->width, r = p->inputs, o = p->outputs, wide = padded(r);
    float *slice_through = room(least(SLICE, p->edges) * h);
#pragma omp parallel num_threads(p->threads)
    {
        const long thread = omp_get_thread_num();
        float *active = room(BLOCK * h), *space = room(BLOCK * padded(r > o ? r : o));
        for (long slice = 0; slice < p->edges; slice += SLICE) {
            const long end = least(slice + SLICE, p->edges);
#pragma omp for schedule(static)
            for (long first = slice; first < end; first += BLOCK) {
                const long count = least(BLOCK, end - first);
                const float *grad = p->grad + first * o;
                float *through = slice_through + (first - slice) * h;
                hidden_rows(p, first, count, active);
                product(through, h, rows_of(grad, o), p->second, h, count, o, h, 0);
                derive(p->activation, count * h, active, through);
                product(p->by_second + thread * o * h, h, columns_of(grad, o), active, h, o, count, h, 1);
                add_rows(p->by_bias + thread * padded(o), padded_rows(grad, count, o, space), padded(o), count, padded(o));
                add_rows(p->by_first_bias + thread * h, through, h, count, h);
                if (r > 0)
                    product(p->by_first + thread * h * wide, wide, columns_of(through, h),
                            padded_rows(p->edge + first * r, count, r, space), wide, h, count, wide, 1);
                if (p->by_edge != NULL) {
                    float *by_edge = wide == r ? p->by_edge + first * r : space;
                    product(by_edge, wide, rows_of(through, h), p->first_back, wide, count, h, wide, 0);
                    if (wide != r) unpadded_rows(p->by_edge + first * r, by_edge, count, r);
                }
            }
            if (p->target != NULL) add_to_nodes(p, slice, end - slice, slice_through);
#pragma omp barrier
        }
        free(active);
        free(space);
    }
    free(slice_through);
}
