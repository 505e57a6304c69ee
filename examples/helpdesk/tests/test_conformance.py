"""The cases of this destination, and what is asked of every destination."""

from pathlib import Path

from actions_core.testing import conformance

from actions_helpdesk import destination

test_conformance = conformance(destination, cases=Path(__file__).with_name("cases"))
