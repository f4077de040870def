/* A gated recurrent unit with the linear map of its inputs; see pdgn/nn/gated_unit.py for the equations.

   A block of rows goes through all products and activations while it lies in the cache: of tensors of the size of all
   rows only inputs, results and what is kept for the derivative are ever written. */
#include <omp.h>

#include "activations.h"
#include "product.h"
#include "rows.h"

/* M rows, H wide, R inputs wide. Weights come as the products need them: forward transposed, [R, 3H] and [H, 3H];
   backward as they are, [3H, R padded] and [3H, H]. Sums over rows have a place for each thread. */
typedef struct {
    int64_t threads, rows, width, inputs, nodes;
    const float *x, *hidden;                 /* [M, R], [M, H] */
    const float *at_target, *at_source;      /* halves of [N, 6H], terms of the ends of an edge, or NULL */
    const int64_t *target, *source;          /* [M] or NULL */
    const float *bias, *state_bias;          /* [3H] or NULL, [H] */
    const float *input_weight, *state_weight;
    float *out, *reset, *update;             /* [M, H]; reset and update NULL where no derivative will be wanted */
    const float *grad;                       /* [M, H], derivative by out */
    float *by_x, *by_hidden;                 /* [M, R], [M, H], or NULL */
    float *by_target, *by_source;            /* halves of [N, 6H], or NULL */
    float *by_input_weight, *by_state_weight, *by_bias, *by_state_bias; /* threads × [3H, R padded], [3H, H], [3H], [H] */
} GatedUnit;

static void activate(const GatedUnit *u, long first, long count, const float *gates) {
    const long h = u->width;
    for (long r = 0; r < count; r++) {
        const float *gate = gates + r * 4 * h, *state = u->hidden + (first + r) * h;
        float *out = u->out + (first + r) * h, reset[h], update[h];
        for (long c = 0; c < h; c++) {
            reset[c] = sigmoid(gate[c]);
            update[c] = sigmoid(gate[h + c]);
            const float new = hyperbolic_tangent(gate[2 * h + c] + reset[c] * gate[3 * h + c]);
            out[c] = new + update[c] * (state[c] - new);
        }
        if (u->reset != NULL) {
            memcpy(u->reset + (first + r) * h, reset, sizeof reset);
            memcpy(u->update + (first + r) * h, update, sizeof update);
        }
    }
}

void pdgn_gated_unit_forward(const GatedUnit *u) {
    const long h = u->width;
#pragma omp parallel num_threads(u->threads)
    {
        float *gates = room(BLOCK * 4 * h); /* reset, update, new from the inputs, new from the state */
#pragma omp for schedule(static)
        for (long first = 0; first < u->rows; first += BLOCK) {
            const long count = least(BLOCK, u->rows - first);
            const Matrix x = rows_of(u->x + first * u->inputs, u->inputs), state = rows_of(u->hidden + first * h, h);
            const int64_t *target = u->target ? u->target + first : NULL, *source = u->target ? u->source + first : NULL;
            start_rows(gates, 4 * h, 3 * h, count, u->at_target, u->at_source, 6 * h, target, source, u->bias);
            start_bias(gates + 3 * h, 4 * h, h, count, u->state_bias);
            product(gates, 4 * h, x, u->input_weight, 3 * h, count, u->inputs, 3 * h, 1);
            product(gates, 4 * h, state, u->state_weight, 3 * h, count, h, 2 * h, 1);
            product(gates + 3 * h, 4 * h, state, u->state_weight + 2 * h, 3 * h, count, h, h, 1);
            activate(u, first, count, gates);
        }
        free(gates);
    }
}

/* Derivatives by (reset, update, state term of new, new) before their activations, [count, 4H], from the state term.
   new is not kept: it follows from out = new + update (hidden − new). Where update is close to 1 that is inexact, by
   1 / (1 − update), but new then acts with the factor 1 − update. */
static void derive(const GatedUnit *u, long first, long count, float *by_gates, const float *memory) {
    const long h = u->width;
    for (long r = 0; r < count; r++) {
        const long at = (first + r) * h;
        const float *state = u->hidden + at, *out = u->out + at, *reset = u->reset + at, *update = u->update + at;
        const float *grad = u->grad + at, *term = memory + r * h;
        float *by = by_gates + r * 4 * h;
        for (long c = 0; c < h; c++) {
            const float let = 1.0f - update[c];
            float new = (out[c] - update[c] * state[c]) / (let > 0.0f ? let : 1.0f);
            new = new > 1.0f ? 1.0f : new < -1.0f ? -1.0f : new;
            const float by_new = grad[c] * let * (1.0f - new * new);
            by[c] = by_new * term[c] * reset[c] * (1.0f - reset[c]);
            by[h + c] = grad[c] * (state[c] - new) * update[c] * let;
            by[2 * h + c] = by_new * reset[c];
            by[3 * h + c] = by_new;
        }
    }
}

/* What a block of rows adds to the derivatives by the weights. */
static void add_to_weights(const GatedUnit *u, long first, long count, const float *by_gates, float *space) {
    const long h = u->width, wide = padded(u->inputs), thread = omp_get_thread_num();
    const float *x = padded_rows(u->x + first * u->inputs, count, u->inputs, space), *state = u->hidden + first * h;
    float *by_input = u->by_input_weight + thread * 3 * h * wide, *by_state = u->by_state_weight + thread * 3 * h * h;
    product(by_state, h, columns_of(by_gates, 4 * h), state, h, 3 * h, count, h, 1);
    product(by_input, wide, columns_of(by_gates, 4 * h), x, wide, 2 * h, count, wide, 1);
    product(by_input + 2 * h * wide, wide, columns_of(by_gates + 3 * h, 4 * h), x, wide, h, count, wide, 1);
    add_rows(u->by_bias + thread * 3 * h, by_gates, 4 * h, count, 2 * h);
    add_rows(u->by_bias + thread * 3 * h + 2 * h, by_gates + 3 * h, 4 * h, count, h);
    add_rows(u->by_state_bias + thread * h, by_gates + 2 * h, 4 * h, count, h);
}

static void derive_inputs(const GatedUnit *u, long first, long count, const float *by_gates, float *space) {
    const long h = u->width, wide = padded(u->inputs);
    if (u->by_hidden != NULL) {
        float *by_hidden = u->by_hidden + first * h;
        for (long c = 0; c < count * h; c++) by_hidden[c] = u->grad[first * h + c] * u->update[first * h + c];
        product(by_hidden, h, rows_of(by_gates, 4 * h), u->state_weight, h, count, 3 * h, h, 1);
    }
    if (u->by_x != NULL) {
        float *by_x = wide == u->inputs ? u->by_x + first * wide : space;
        product(by_x, wide, rows_of(by_gates, 4 * h), u->input_weight, wide, count, 2 * h, wide, 0);
        product(by_x, wide, rows_of(by_gates + 3 * h, 4 * h), u->input_weight + 2 * h * wide, wide, count, h, wide, 1);
        if (wide != u->inputs) unpadded_rows(u->by_x + first * u->inputs, by_x, count, u->inputs);
    }
}

/* Adds a slice of derivatives by the gates at both ends of its edges, each thread some of the columns. */
static void add_to_nodes(const GatedUnit *u, long first, long count, const float *by_gates) {
    const long h = u->width, units = 3 * h / UNIT, thread = omp_get_thread_num(), threads = omp_get_num_threads();
    for (long unit = units * thread / threads; unit < units * (thread + 1) / threads; unit++) {
        const long c = unit * UNIT, shift = c < 2 * h ? 0 : h; /* new stands behind the state term */
        scatter_columns(u->by_target, 6 * h, u->target + first, by_gates + shift, 4 * h, count, c, c + UNIT);
        scatter_columns(u->by_source, 6 * h, u->source + first, by_gates + shift, 4 * h, count, c, c + UNIT);
    }
}

void pdgn_gated_unit_backward(const GatedUnit *u) {
    const long h = u->width;
    float *by_gates = room(least(SLICE, u->rows) * 4 * h);
    float *transposed = room(h * h); /* of the state weight of new */
    for (long r = 0; r < h; r++)
        for (long c = 0; c < h; c++) transposed[c * h + r] = u->state_weight[(2 * h + r) * h + c];
#pragma omp parallel num_threads(u->threads)
    {
        float *memory = room(BLOCK * h), *space = room(BLOCK * padded(u->inputs));
        for (long slice = 0; slice < u->rows; slice += SLICE) {
            const long end = least(slice + SLICE, u->rows);
#pragma omp for schedule(static)
            for (long first = slice; first < end; first += BLOCK) {
                const long count = least(BLOCK, end - first);
                float *by = by_gates + (first - slice) * 4 * h;
                start_bias(memory, h, h, count, u->state_bias);
                product(memory, h, rows_of(u->hidden + first * h, h), transposed, h, count, h, h, 1);
                derive(u, first, count, by, memory);
                add_to_weights(u, first, count, by, space);
                derive_inputs(u, first, count, by, space);
            }
            if (u->target != NULL) add_to_nodes(u, slice, end - slice, by_gates);
#pragma omp barrier
        }
        free(memory);
        free(space);
    }
    free(by_gates);
    free(transposed);
}
