/* Functions of single numbers, written so that a loop over them becomes vectors. */
#pragma once

#include <stdint.h>
#include <string.h>

/* eˣ by 2ᵏ and a polynomial of the rest, to 2 units in the last place; 0 and 1.7e38 where it leaves float32. */
static inline float exponential(float x) {
    const float shift = 12582912.0f; /* 1.5 · 2²³: adding it rounds to an integer, which stands in the last bits */
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    const float moved = x * 1.44269504f + shift;
    const float k = moved - shift;
    const float rest = (x - k * 0.693359375f) + k * 2.12194440e-4f; /* ln 2 in two parts, the first exact times k */
    float p = 1.3888889e-3f;
    p = p * rest + 8.3333333e-3f;
    p = p * rest + 4.1666667e-2f;
    p = p * rest + 1.6666667e-1f;
    p = p * rest + 0.5f;
    p = p * rest + 1.0f;
    p = p * rest + 1.0f;
    int32_t power, bits;
    memcpy(&power, &moved, 4);
    memcpy(&bits, &p, 4);
    bits += (int32_t)((uint32_t)power << 23);
    memcpy(&p, &bits, 4);
    return p;
}

static inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }

/* Its error is of the round-off of 1. */
static inline float hyperbolic_tangent(float x) { return 2.0f * sigmoid(2.0f * x) - 1.0f; }
