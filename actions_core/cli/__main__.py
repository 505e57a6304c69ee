"""`python -m actions_core.cli`: the same as `actions`."""

from actions_core.cli import main

if __name__ == "__main__":
    main()
