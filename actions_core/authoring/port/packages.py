"""The packages of the published destinations, each with its version, and the folder that contains them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE: Final = "@segment/action-destinations"
VERSION: Final = "3.497.0"
#: What the package needs to run; it is taken without its own list, which has the SDKs of cloud services.
DEPENDENCIES: Final[Mapping[str, str]] = {
    "@segment/actions-core": "3.170.0",
    "@segment/a1-notation": "2.1.4",
    "@amplitude/ua-parser-js": "0.7.33",
    "@lukeed/uuid": "2.0.1",
    "ajv-formats": "2.1.1",
    "aws4": "1.13.2",
    "btoa-lite": "1.0.0",
    "dayjs": "1.11.13",
    "escape-goat": "3.0.0",
    "fast-uri": "3.0.3",
    "google-libphonenumber": "3.2.40",
    "liquidjs": "10.30.1",
    "lodash": "4.18.1",
    "lru-cache": "10.4.3",
}
#: Packages that are unpacked as the first one is, without what they depend on.
BARE: Final[Mapping[str, str]] = {PACKAGE: VERSION, "@segment/actions-shared": "1.156.0"}


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of this version's packages, in the user's cache.

    `ACTIONS_PORT_CACHE` names another one.
    """
    given = environ.get("ACTIONS_PORT_CACHE")
    if given:
        return Path(given).expanduser()
    base = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA")
    home = Path(base) if base else Path.home() / ".cache"
    return home / "actions-core" / f"published-{VERSION}"


def manifest() -> str:
    """Return the text of the `package.json` by which npm installs the dependencies."""
    return json.dumps({"private": True, "dependencies": dict(DEPENDENCIES)}, indent=2) + "\n"
