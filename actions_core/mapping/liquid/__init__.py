"""Liquid templates. No other package imports the library, which loads with the first template."""

from actions_core.mapping.liquid.template import Template, parse

__all__ = ["Template", "parse"]
