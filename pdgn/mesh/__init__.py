"""Triangle meshes and sensor graphs."""

from pdgn.mesh.bumpy_sphere import bumpy_sphere
from pdgn.mesh.closest_point import ClosestPoint, closest_point
from pdgn.mesh.coarsening import coarsen
from pdgn.mesh.fibonacci import fibonacci_sphere
from pdgn.mesh.files import MESH_EXTENSIONS, read_mesh, write_mesh
from pdgn.mesh.graphs import delaunay_graph, knn_graph
from pdgn.mesh.half_edges import HalfEdges
from pdgn.mesh.period import minimal_image
from pdgn.mesh.quality import corner_angles
from pdgn.mesh.refinement import refine
from pdgn.mesh.repair import RepairReport, repair
from pdgn.mesh.retriangulation import retriangulate
from pdgn.mesh.sampling import farthest_point_sample, random_sample
from pdgn.mesh.shape import SHAPES, Shape
from pdgn.mesh.shapes import grid, icosphere, torus
from pdgn.mesh.topology import Topology
from pdgn.mesh.transfer import transfer
from pdgn.mesh.tri_mesh import TriMesh
from pdgn.mesh.variants import VARIANTS, variant

__all__ = [
    "MESH_EXTENSIONS",
    "SHAPES",
    "VARIANTS",
    "ClosestPoint",
    "HalfEdges",
    "RepairReport",
    "Shape",
    "Topology",
    "TriMesh",
    "bumpy_sphere",
    "closest_point",
    "coarsen",
    "corner_angles",
    "delaunay_graph",
    "farthest_point_sample",
    "fibonacci_sphere",
    "grid",
    "icosphere",
    "knn_graph",
    "minimal_image",
    "random_sample",
    "read_mesh",
    "refine",
    "repair",
    "retriangulate",
    "torus",
    "transfer",
    "variant",
    "write_mesh",
]
