"""The composition root: the only file that names implementations; starts and stops everything."""
