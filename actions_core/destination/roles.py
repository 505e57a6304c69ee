"""What the functions of a destination are for, and what each kind is handed.

One table in place of a rule in each decorator: a new kind of function is a line here.
"""

from __future__ import annotations

from typing import Final

import attrs

from actions_core.destination.specs import BATCH_FIELDS

_CONTEXT: Final = frozenset({"context"})
_ASYNC: Final = frozenset({"context", "client"})


@attrs.frozen
class Role:
    """One kind of function.

    `given` are the parameters that it may take by name; `by_fields` means that they are fields of the
    definition instead, of which it may leave out `spare`. `handed` may be asked for by type. `plain` says
    why a function must not be asynchronous, the empty str that it may be.
    """

    name: str
    words: str
    given: tuple[str, ...] = ()
    by_fields: bool = False
    spare: tuple[str, ...] = ()
    handed: frozenset[str] = _ASYNC
    plain: str = ""


ROLES: Final = {
    role.name: role
    for role in (
        Role("action", "an action", by_fields=True, spare=BATCH_FIELDS),
        Role("batch", "a batch", given=("payloads",)),
        Role("batch of items", "a batch of items", given=("items",)),
        Role(
            "item",
            "an item of a batch",
            by_fields=True,
            spare=BATCH_FIELDS,
            handed=_CONTEXT,
            plain="items are made before anything is sent",
        ),
        Role("poll", "a poll", given=("job_id", "upload_count", "memo")),
        Role("hook", "a hook", by_fields=True),
        Role(
            "dynamic_field",
            "a dynamic field",
            given=("payload", "query", "page", "index", "selected_key", "hook_inputs"),
        ),
        Role("prepare", "prepare", handed=_CONTEXT | {"request"}, plain="prepare is part of every request"),
        Role(
            "judge",
            "the judgement of responses",
            given=("response",),
            handed=_CONTEXT | {"request"},
            plain="judging is part of every request",
        ),
        Role("test_authentication", "the authentication test"),
        Role("account", "the account"),
        Role("on_delete", "the deletion", given=("user_id", "anonymous_id")),
        Role(
            "refresh_access_token",
            "the refresh of the access token",
            given=("access_token", "refresh_token", "client_id", "client_secret", "refresh_token_url"),
        ),
        Role(
            "create_audience",
            "the creation of an audience",
            given=("audience_name", "audience_settings"),
        ),
        Role(
            "get_audience",
            "the look-up of an audience",
            given=("external_id", "audience_settings"),
        ),
    )
}
