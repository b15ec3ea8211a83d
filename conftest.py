"""Where pytest finds the suite: the plugin, and with it the options, exist only when this directory is collected."""

pytest_plugins = ["asgi_conformance.fixtures.plugin"]
