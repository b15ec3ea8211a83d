"""The whole stack: applications of real frameworks under the server, and real clients before it."""
