"""What every page is handed: the workspace, what delivers it here, and what is known of its deliveries."""

from __future__ import annotations

import logging
import shlex
from typing import TYPE_CHECKING, Final

import attrs

from actions_core.apps.console.feed import Feeds
from actions_core.apps.console.why import Explainer
from actions_core.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from actions_core.apps.console.draft import Draft
    from actions_core.delivery.outbox import Outbox
    from actions_core.destination.registry import Registry
    from actions_core.engine import Engine
    from actions_core.engine.instances import Instance
    from actions_core.engine.workspace import Workspace
    from actions_core.errors import Problem

LOGGER: Final = logging.getLogger("actions_core.console")


@attrs.define(eq=False)
class Desk:
    """Everything that pages work with.

    `file` is the workspace's, None for an embedded console whose workspace is no file. `engine` is None while
    the workspace is faulty: `problems` says why then. `outbox` is this process's own, `outbox_file` the file
    that is looked at, whoever delivers from it; `failures` are files of `actions run`. `make_engine` makes an
    engine once a faulty workspace has been mended.
    """

    registry: Registry
    file: Path | None = None
    engine: Engine | None = None
    outbox: Outbox | None = None
    outbox_file: Path | None = None
    failures: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    make_engine: Callable[[Workspace], Engine] | None = None
    #: The workspace as it was loaded last, faulty or not.
    loaded: Workspace | None = None
    #: The workspace that is being edited.
    draft: Draft | None = None
    #: What was delivered, what waits, and what was given up.
    feed: Feeds = attrs.field(factory=Feeds)
    #: Says why an event is sent or not, by the workspace as it was saved.
    explainer: Explainer = attrs.field(init=False)
    log: logging.Logger = LOGGER

    def __attrs_post_init__(self) -> None:
        self.explainer = Explainer(self.registry)

    @property
    def workspace(self) -> Workspace | None:
        """The workspace that the engine runs; None while it is faulty."""
        return None if self.engine is None else self.engine.workspace

    @property
    def saved(self) -> Workspace | None:
        """The workspace as it was saved last, also while it cannot deliver: a variable may be missing."""
        return self.loaded if self.workspace is None else self.workspace

    @property
    def instances(self) -> Mapping[str, Instance]:
        """The instances of that workspace, with placeholders for what is missing; none where it is faulty."""
        if self.engine is not None:
            return self.engine.instances
        if self.loaded is None:
            return {}
        try:
            return self.explainer.engine(self.loaded).instances
        except WorkspaceError:
            return {}

    def look_at_file(self) -> str:
        """Have the draft follow a file that was changed outside; return why it cannot be read."""
        if self.draft is None:
            return ""
        try:
            self.draft.reload()
        except WorkspaceError as error:
            return str(error)
        return ""

    @property
    def instance_ids(self) -> list[str]:
        """The ids of the instances, as the file that is edited has them."""
        if self.draft is not None:
            return self.draft.instance_ids
        return [] if self.saved is None else [spec.id for spec in self.saved.destinations]

    @property
    def title(self) -> str:
        """The name of the workspace, for people."""
        if self.saved is not None:
            return self.saved.name
        return "workspace" if self.file is None else self.file.stem

    def command(self, *words: str) -> str:
        """Return a command line of `actions` that does the same; `WORKSPACE` stands for the file."""
        file = "WORKSPACE" if self.file is None else str(self.file)
        return shlex.join(["actions", *(file if word == "WORKSPACE" else word for word in words)])

    async def take_up(self, workspace: Workspace) -> None:
        """Have what delivers here take up a changed workspace, all or nothing.

        Raises `WorkspaceError` with every problem, and everything goes on as before then.
        """
        self.loaded = workspace
        if self.outbox is not None:
            await self.outbox.replace(workspace)
        elif self.engine is not None:
            self.engine.replace(workspace)
        elif self.make_engine is not None:
            try:
                self.engine = self.make_engine(workspace)
            except WorkspaceError as error:
                self.problems = tuple(error.problems)
                raise
        self.problems = ()
