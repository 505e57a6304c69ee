"""Run `actions` as `python -m actions_core.apps.cli`."""

from actions_core.apps.cli import main

if __name__ == "__main__":
    main()
