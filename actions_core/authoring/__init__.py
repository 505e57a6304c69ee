"""Tools for authors of destinations and mappings: advice, comparison, scaffolds, pages, tests."""
