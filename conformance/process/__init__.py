"""How the process of a server behaves: signals, workers, reload, sockets, options, failures to start, proxy headers."""
