"""One table of every resource type and property: honoured here, accepted as inert, or refused."""

from runner.loader.shapes.notation import Kind, Property, Tier
from runner.loader.shapes.table import TypeInfo, part, type_info, type_names

__all__ = ["Kind", "Property", "Tier", "TypeInfo", "part", "type_info", "type_names"]
