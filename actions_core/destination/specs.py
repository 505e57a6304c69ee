"""What a definition says, as frozen data: destination, action, preset, authentication, hook, audience.

The names are Segment's in Python's spelling; loading knows which key of JSON is which attribute.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - structuring resolves the annotations when the program runs
from typing import Final, Literal, TypeAlias, get_args

import attrs

from actions_core.validation.fields import Choice, FieldSpec, prepares
from actions_core.values.types import MISSING, Json, JsonObject

Mode: TypeAlias = Literal["cloud", "device", "warehouse"]
Platform: TypeAlias = Literal["cloud", "web"]
Scheme: TypeAlias = Literal["basic", "custom", "oauth2", "oauth-managed"]
SyncMode: TypeAlias = Literal["add", "update", "upsert", "delete", "mirror"]
PresetType: TypeAlias = Literal["automatic", "specificEvent"]
HookName: TypeAlias = Literal["onMappingSave", "retlOnMappingSave"]
AudienceModeType: TypeAlias = Literal["realtime", "synced"]

HOOKS: Final[tuple[str, ...]] = get_args(HookName)
SYNC_MODES: Final[tuple[str, ...]] = get_args(SyncMode)

#: Fields that steer batches. A handler of single payloads need not take them.
BATCH_FIELDS: Final = ("enable_batching", "batch_size", "batch_bytes", "batch_keys")
#: Keys of a mapping that begin so are for the engine: no field is called so.
INTERNAL_PREFIX: Final = "__segment_internal_"
#: What a mapping may hold beside the action's fields: the engine reads them, no handler does.
MAPPING_EXTRAS: Final = ("__segment_internal_sync_mode", "__segment_internal_matching_key", *HOOKS)


def _no_fields() -> dict[str, FieldSpec]:
    return {}


@attrs.frozen
class AuthenticationSpec:
    """How a destination is authenticated, and the settings that it asks for."""

    scheme: Scheme
    fields: Mapping[str, FieldSpec] = attrs.field(factory=_no_fields)


@attrs.frozen
class SyncModeSpec:
    """The sync modes among which a mapping of the action chooses."""

    choices: tuple[Choice, ...]
    label: str | None = None
    description: str | None = None
    default: SyncMode | None = None


@attrs.frozen
class HookSpec:
    """What is asked, and what is answered, when a mapping of the action is saved."""

    label: str | None = None
    description: str | None = None
    input_fields: Mapping[str, FieldSpec] = attrs.field(factory=_no_fields)
    output_fields: Mapping[str, FieldSpec] = attrs.field(factory=_no_fields)


@attrs.frozen
class AudienceMode:
    """Whether members come one by one as they change, or in runs."""

    type: AudienceModeType
    full_audience_sync: bool = attrs.field(default=False, metadata={"key": "full_audience_sync"})


@attrs.frozen
class AudienceSpec:
    """How audiences get to a destination, and the settings of each audience."""

    mode: AudienceMode
    fields: Mapping[str, FieldSpec] = attrs.field(factory=_no_fields, metadata={"key": "audienceFields"})
    supports_audience_functions: bool = False


@attrs.frozen
class BatchSpec:
    """The sizes and keys by which payloads are grouped, as far as the definition says."""

    size: int = 1000
    bytes: int = 4_000_000
    keys: tuple[str, ...] = ()


@attrs.frozen
class ActionSpec:
    """One thing that a destination can do with an event."""

    title: str
    fields: Mapping[str, FieldSpec] = attrs.field(factory=_no_fields)
    description: str | None = None
    platform: Platform = "cloud"
    default_subscription: str | None = None
    hidden: bool = False
    has_perform_batch: bool = False
    sync_mode: SyncModeSpec | None = None
    hooks: Mapping[str, HookSpec] = attrs.field(factory=dict)
    dynamic_fields: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    status_hints: Mapping[int, str] = attrs.field(factory=dict)
    superseded_by: str | None = None
    #: requests written in the definition itself, in place of functions
    request: JsonObject | None = None
    batch_request: JsonObject | None = None
    #: the requests for the choices of fields, by field
    choices: Mapping[str, JsonObject] = attrs.field(factory=dict)

    @property
    def default_mapping(self) -> JsonObject:
        """The defaults of the fields, as a new subscription takes them."""
        return {key: field.default for key, field in self.fields.items() if field.default is not MISSING}

    @property
    def batch(self) -> BatchSpec:
        """The defaults of the fields that steer batches."""
        size, bytes_, keys = (self._default(f"batch_{name}") for name in ("size", "bytes", "keys"))
        standard = BatchSpec()
        return BatchSpec(
            size=size if _is_count(size) else standard.size,
            bytes=bytes_ if _is_count(bytes_) else standard.bytes,
            keys=tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else (),
        )

    def _default(self, key: str) -> Json:
        return self.fields[key].default if key in self.fields else MISSING


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@prepares(ActionSpec)
def _without_null_hooks(data: JsonObject) -> JsonObject:
    """Drop the hooks that are null: published definitions name each hook that there could be."""
    hooks = {key: hook for key, hook in data.get("hooks", {}).items() if hook is not None}
    return {**data, "hooks": hooks}


@attrs.frozen
class PresetSpec:
    """A subscription that comes with the destination.

    An `automatic` one has a `subscribe` condition; a `specificEvent` one is started by the event that
    its `event_slug` names. Without a mapping it takes the defaults of the action.
    """

    name: str
    partner_action: str
    type: PresetType
    subscribe: str | None = None
    event_slug: str | None = None
    mapping: JsonObject | None = None


@attrs.frozen
class DestinationSpec:
    """A destination as its definition has it."""

    slug: str
    name: str
    actions: Mapping[str, ActionSpec]
    #: other names that workspaces and commands may use, such as a short one
    aliases: tuple[str, ...] = ()
    mode: Mode = "cloud"
    description: str | None = None
    authentication: AuthenticationSpec | None = None
    audience: AudienceSpec | None = attrs.field(default=None, metadata={"key": "audienceConfig"})
    presets: tuple[PresetSpec, ...] = ()
    status_hints: Mapping[int, str] = attrs.field(factory=dict)
    tries_by_status: Mapping[int, int] = attrs.field(factory=dict)
    #: what all requests written here share, and those that belong to no action
    request: JsonObject | None = None
    test_authentication: JsonObject | None = None
    on_delete: JsonObject | None = None
    refresh_access_token: JsonObject | None = None
    create_audience: JsonObject | None = None
    get_audience: JsonObject | None = None
    urls_from_users: bool | None = None

    @property
    def public_addresses_only(self) -> bool:
        """Whether its requests may reach public addresses only, where an instance does not allow others.

        So it is where users choose the URLs: where the definition says so, and where it writes a request. It
        may say that they do not where each URL that it writes is plain text below the base.
        """
        shared = self.request is not None if self.urls_from_users is None else self.urls_from_users
        written = [self.test_authentication, self.on_delete, self.refresh_access_token]
        written += [self.create_audience, self.get_audience]
        for action in self.actions.values():
            written += [action.request, action.batch_request, *action.choices.values()]
        given = [request for request in written if request is not None]
        if self.urls_from_users is False:
            given = [request for request in given if not _is_below_base(request)]
        return shared or bool(given)

    @property
    def settings(self) -> Mapping[str, FieldSpec]:
        """The fields of the settings, which Segment keeps beside the authentication."""
        return {} if self.authentication is None else self.authentication.fields

    def preset_mapping(self, preset: PresetSpec) -> JsonObject:
        """Return the mapping of a preset: its own, or the defaults of its action."""
        if preset.mapping is not None:
            return preset.mapping
        return self.actions[preset.partner_action].default_mapping

    def status_hint(self, action: str, status: int) -> str:
        """Return the hint for a response with this status; the action's hints win over the destination's."""
        spec = self.actions.get(action)
        own = spec.status_hints.get(status) if spec is not None else None
        return own or self.status_hints.get(status, "")


def _is_below_base(request: JsonObject) -> bool:
    url = request["url"]
    return isinstance(url, str) and url.startswith("/")


@prepares(DestinationSpec)
def _with_audience_fields(data: JsonObject) -> JsonObject:
    """Move the fields of an audience into its configuration, beside which Segment's sources have them."""
    if not data.get("audienceFields") or "audienceConfig" not in data:
        return data
    config = data["audienceConfig"]
    fields = {**data["audienceFields"], **(config.get("audienceFields") or {})}
    return {**data, "audienceConfig": {**config, "audienceFields": fields}}
