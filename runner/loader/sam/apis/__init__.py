"""REST and HTTP APIs: the OpenAPI documents that events are written into, and the resources that serve them."""
