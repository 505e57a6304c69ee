"""Ports of published destinations: what they are tried with, and how ours are compared with them.

Nothing here runs a program or awaits: `actions_core.apps.cli.port` starts the published destinations, and
hands in what they did. Their side is `node/published.cjs`, which runs on the author's machine only.
"""
