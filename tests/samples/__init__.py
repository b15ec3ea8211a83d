"""Checks for the tests of the plugin; pytest collects them only when they are named."""
