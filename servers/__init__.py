"""What is under test: one module a server that declares how it is installed, launched and configured."""
