"""`python -m actions_core.apps.cli`: the same as `actions`."""

from actions_core.apps.cli import main

if __name__ == "__main__":
    main()
