"""Seeded damage to meshes and to their files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pdgn.mesh import bumpy_sphere, grid, icosphere, torus

Arrays = tuple[np.ndarray, np.ndarray]
Generator = np.random.Generator


def base_mesh(generator: Generator) -> Arrays:
    """A sound mesh: closed, bounded, or of three components."""
    choice = int(generator.integers(5))
    if choice == 4:
        parts = [icosphere(1), grid(4, 5), torus(1.0, 0.4, 8, 6)]
        start = np.cumsum([0, *(part.num_vertices for part in parts)])
        pos = np.concatenate([part.pos + [4.0 * number, 0, 0] for number, part in enumerate(parts)])
        return pos, np.concatenate([part.face + first for part, first in zip(parts, start)])
    mesh = [icosphere(2), grid(7, 6), torus(1.0, 0.4, 10, 7), bumpy_sphere(generator, 2)][choice]
    return mesh.pos.copy(), mesh.face.copy()


def drop_faces(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    return pos, face[g.random(len(face)) > g.uniform(0, 0.5)]


def repeat_faces(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    return pos, np.concatenate([face, face[g.integers(len(face), size=int(g.integers(1, 5)))]])


def turn_faces(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    chosen = g.random(len(face)) < g.uniform(0, 0.5)
    face[chosen] = face[chosen][:, ::-1]
    return pos, face


def random_faces(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    return pos, np.concatenate([face, g.integers(len(pos), size=(int(g.integers(1, 6)), 3))])


def index_out_of_range(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    face[g.integers(len(face)), g.integers(3)] = g.choice([-1, len(pos), 2**31, -(2**40)])
    return pos, face


def repeat_corner(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    row = g.integers(len(face))
    face[row, 0] = face[row, 1]
    return pos, face


def isolated_vertices(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    extra = g.standard_normal((int(g.integers(1, 5)), 3))
    if g.random() < 0.5:
        return np.concatenate([extra, pos]), face + len(extra)
    return np.concatenate([pos, extra]), face


def merge_vertices(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    first, second = g.integers(len(pos), size=2)
    return pos, np.where(face == second, first, face)


def move_together(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    first, second = g.integers(len(pos), size=2)
    pos[second] = pos[first] + g.choice([0.0, 1e-300, 1e-16, 1e-9])
    return pos, face


def flatten(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    pos[:, g.integers(3)] *= g.choice([0.0, 1e-12, 1e-6])
    return pos, face


def scale(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    return pos * g.choice([1e-160, 1e-30, 1e-9, 1e9, 1e30, 1e160]), face


def shift(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    return pos + g.choice([1e6, 1e12, 1e20]), face


def not_finite(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    pos[g.integers(len(pos)), g.integers(3)] = g.choice([np.nan, np.inf, -np.inf])
    return pos, face


def shake(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    return pos + g.uniform(0, 0.5) * g.standard_normal(pos.shape), face


def pinch(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    """Two copies that share one vertex."""
    second = np.where(face == 0, 0, face + len(pos) - 1)
    return np.concatenate([pos, 2 * pos[0] - pos[1:]]), np.concatenate([face, second])


def fin(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    """A third face on an edge."""
    a, b = face[g.integers(len(face)), :2]
    return np.concatenate([pos, [pos[a] + [0, 0, 1.0]]]), np.concatenate([face, [[a, b, len(pos)]]])


def few_faces(pos: np.ndarray, face: np.ndarray, g: Generator) -> Arrays:
    return pos, face[: int(g.integers(0, 4))]


MUTATIONS: list[Callable[[np.ndarray, np.ndarray, Generator], Arrays]] = [
    drop_faces, repeat_faces, turn_faces, random_faces, index_out_of_range, repeat_corner, isolated_vertices,
    merge_vertices, move_together, flatten, scale, shift, not_finite, shake, pinch, fin, few_faces,
]  # fmt: skip


def mutated_mesh(seed: int) -> tuple[str, np.ndarray, np.ndarray]:
    """A mesh with one to three mutations: their names, pos [V, 3] and face [F, 3]."""
    generator = np.random.default_rng([seed, 17])
    pos, face = base_mesh(generator)
    names = []
    for _ in range(int(generator.integers(1, 4))):
        mutation = MUTATIONS[int(generator.integers(len(MUTATIONS)))]
        if len(face) and len(pos):
            pos, face = mutation(pos.copy(), face.copy(), generator)
            names.append(mutation.__name__)
    return ", ".join(names), pos, face


def obj_text(pos: np.ndarray, face: np.ndarray) -> str:
    """The arrays as an OBJ file, whatever they hold."""
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in pos.tolist()]
    lines += [f"f {a + 1} {b + 1} {c + 1}" for a, b, c in face.tolist()]
    return "\n".join(lines) + "\n"


def damaged_bytes(content: bytes, generator: Generator) -> tuple[str, bytes]:
    """Bytes with one seeded damage: flipped bits, other bytes, a piece zeroed, cut, repeated or exchanged."""
    data = bytearray(content)
    kind = str(generator.choice(["bit", "bytes", "zero", "cut", "repeat", "exchange", "end"]))
    place = int(generator.integers(len(data)))
    length = int(min(len(data) - place, 2 ** generator.integers(0, 13)))
    if kind == "bit":
        data[place] ^= 1 << int(generator.integers(8))
    elif kind == "bytes":
        data[place : place + length] = generator.bytes(length)
    elif kind == "zero":
        data[place : place + length] = bytes(length)
    elif kind == "cut":
        del data[place : place + length]
    elif kind == "repeat":
        data[place:place] = data[place : place + length]
    elif kind == "exchange":
        other = int(generator.integers(len(data) - length + 1))
        first, second = data[place : place + length], data[other : other + length]
        data[place : place + length], data[other : other + length] = second, first
    else:
        del data[place:]
    return f"{kind} at {place}, {length} bytes", bytes(data)
