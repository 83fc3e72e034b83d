"""Who listens to whom: the graph, its communities, shared audiences, and a picture of it."""

from entregent.network.communities import Communities, communities
from entregent.network.graph import Graph, build, in_degree, out_degree, reverse, subgraph, undirected
from entregent.network.layout import radius
from entregent.network.overlap import AudienceOverlap, overlap
from entregent.network.picture import Picture, picture

__all__ = [
    "AudienceOverlap",
    "Communities",
    "Graph",
    "Picture",
    "build",
    "communities",
    "in_degree",
    "out_degree",
    "overlap",
    "picture",
    "radius",
    "reverse",
    "subgraph",
    "undirected",
]
