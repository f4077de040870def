/* Sums of rows of edges at nodes, each node's rows one behind the other in a given order. */
#include <omp.h>

#include "rows.h"

/* N nodes, C columns. */
typedef struct {
    int64_t threads, nodes, columns;
    const float *rows;         /* [E, C] */
    const int64_t *order, *ptr; /* [E], [N + 1] */
    float *out;                /* [N, C] */
} Segments;

void pdgn_segment_sum(const Segments *s) {
    const long columns = s->columns;
#pragma omp parallel for schedule(static) num_threads(s->threads)
    for (long node = 0; node < s->nodes; node++) {
        float *restrict out = s->out + node * columns;
        long place = s->ptr[node];
        const long end = s->ptr[node + 1];
        if (place == end) {
            memset(out, 0, sizeof(float) * (size_t)columns);
            continue;
        }
        memcpy(out, s->rows + s->order[place] * columns, sizeof(float) * (size_t)columns);
        for (place++; place < end; place++) {
            const float *row = s->rows + s->order[place] * columns;
            for (long c = 0; c < columns; c++) out[c] += row[c];
        }
    }
}
