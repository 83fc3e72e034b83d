"""The platform in the browser: the only room that knows Django.

Apps talk to each other through their ``service`` modules only; what they keep
about posts they keep by id, never by foreign key.
"""
