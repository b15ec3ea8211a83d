"""Applications as users of a framework write them. They run in the server, and know the probe only."""
