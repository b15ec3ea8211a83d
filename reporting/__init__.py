"""What people read of a run and of the suite: the command line."""
