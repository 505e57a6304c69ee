"""Random mappings, events, definitions and workspaces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.fuzz.languages import digits, fql, jmespath, liquid, path, template
from tests.fuzz.words import EVENT_TYPES, KEYS, chance, key, number, pick, scalar, spoil, text, value

if TYPE_CHECKING:
    from random import Random

# -- events ------------------------------------------------------------------------------------------

LONG: Final = (
    "a",
    "9",
    " ",
    "<",
    "<a",
    "[[",
    "%41",
    "&amp;",
    "a ",
    "ab-",
    "0x",
    "1e",
    ".",
    "a@",
    "\\",
    "{{a}}",
)


def event(rng: Random) -> Any:
    """Make an event: mostly one, with values of every kind, and sometimes something else."""
    if chance(rng, 0.04):
        return value(rng)
    made: dict[str, Any] = {"type": pick(rng, EVENT_TYPES)}
    if chance(rng, 0.8):
        made |= {"messageId": "m-1", "userId": text(rng), "event": text(rng), "timestamp": text(rng)}
    for holder in ("properties", "traits", "context", "integrations"):
        if chance(rng, 0.6):
            made[holder] = {key(rng): value(rng, 2) for _ in range(int(rng.random() * 5))}
    if chance(rng, 0.3):
        made["traits"] = {**_object(made.get("traits")), "email": text(rng)}
    if chance(rng, 0.3):
        products = [{"price": scalar(rng), "name": text(rng), "a": value(rng, 1)} for _ in range(3)]
        made["properties"] = {**_object(made.get("properties")), "products": products, "a": value(rng, 1)}
    if chance(rng, 0.04):
        long = pick(rng, LONG) * pick(rng, (100, 1_000, 10_000))
        made["properties"] = {**_object(made.get("properties")), "long": long[:30_000], "a": long[:30_000]}
    if chance(rng, 0.1):
        made["context"] = {"personas": {key(rng): value(rng, 2), "computation_class": pick(rng, PERSONAS)}}
    return spoil(rng, made, 1 + int(rng.random() * 3)) if chance(rng, 0.3) else made


PERSONAS: Final = ("audience", "journey_step", "trait", ["audience"], {"a": 1}, None, 3, "\ud800")


def _object(made: Any) -> dict[str, Any]:
    return made if isinstance(made, dict) else {}


# -- mappings ----------------------------------------------------------------------------------------

DIRECTIVES: Final = (
    "@path", "@template", "@literal", "@if", "@case", "@replace", "@arrayPath", "@flatten", "@json",
    "@merge", "@transform", "@excludeWhenNull", "@liquid", "@jmespath", "@hash", "@time", "@omit", "@pick",
    "@choose", "@values", "@split",
)  # fmt: skip
OPTIONS: Final = (
    "exists", "blank", "then", "else", "operator", "value", "pattern", "replacement", "pattern2",
    "replacement2", "separator", "mode", "objects", "direction", "apply", "mapping", "omitArrays",
    "ignorecase", "global", "nope",
)  # fmt: skip


def mapping(rng: Random) -> Any:
    """Make a mapping: mostly of whole directives, sometimes spoilt."""
    made: Any = {key(rng): node(rng, 3) for _ in range(1 + int(rng.random() * 3))}
    if chance(rng, 0.03):
        made["__segment_internal_directive"] = node(rng, 1)
    if chance(rng, 0.006):
        made = grown(rng)
    return spoil(rng, made, 1 + int(rng.random() * 3)) if chance(rng, 0.25) else made


def node(rng: Random, depth: int) -> Any:
    """Make a value of a mapping."""
    roll = rng.random()
    if depth <= 0 or roll < 0.2:
        return {"@path": path(rng)}
    if roll < 0.25:
        return scalar(rng)
    if roll < 0.3:
        return {key(rng): node(rng, depth - 1) for _ in range(int(rng.random() * 3))}
    if roll < 0.33:
        return [node(rng, depth - 1) for _ in range(int(rng.random() * 3))]
    name = pick(rng, DIRECTIVES)
    made = {name: _option(rng, name, depth - 1)}
    if roll > 0.98:
        made[pick(rng, (*DIRECTIVES, "_metadata", "a", "@nope"))] = value(rng, 1)
    return made


def _option(rng: Random, name: str, depth: int) -> Any:  # noqa: C901, PLR0911, PLR0912 - one for each directive
    match name:
        case "@path":
            return path(rng) if chance(rng, 0.9) else node(rng, depth)
        case "@template":
            return template(rng) if chance(rng, 0.9) else node(rng, depth)
        case "@liquid":
            return liquid(rng)
        case "@jmespath":
            return jmespath(rng)
        case "@if":
            return {
                pick(rng, ("exists", "blank")): node(rng, depth),
                "then": node(rng, depth),
                **_else(rng, depth),
            }
        case "@case":
            return {"operator": pick(rng, ("lower", "upper", "title", "")), "value": node(rng, depth)}
        case "@replace":
            return {
                "pattern": pick(rng, ("a", ".*", "$", "\\", "", "aa", "ß", "\ud800", "x" * 11)),
                "replacement": pick(rng, ("", "b", "$&$&$&$&", "$`$'", "\\1", "aaaaaaaaaa", "$$", 3, None)),
                "value": node(rng, depth),
                "ignorecase": chance(rng, 0.5),
                "global": chance(rng, 0.8),
            }
        case "@arrayPath":
            return [path(rng), {key(rng): node(rng, depth)}][: 1 + int(rng.random() * 2)]
        case "@flatten":
            separator = pick(rng, (".", "", "_", "\ud800", "x" * 50))
            return {"value": node(rng, depth), "separator": separator, "omitArrays": chance(rng, 0.5)}
        case "@json":
            return {"mode": pick(rng, ("encode", "decode", "encode", "nope")), "value": node(rng, depth)}
        case "@merge":
            objects = [node(rng, depth) for _ in range(int(rng.random() * 4))]
            return {"objects": objects, "direction": pick(rng, ("left", "right"))}
        case "@transform":
            return {"apply": {key(rng): node(rng, depth)}, "mapping": {key(rng): node(rng, depth)}}
        case "@excludeWhenNull":
            return node(rng, depth)
        case "@literal":
            return value(rng, 2)
    return _own_option(rng, name, depth)


def _own_option(rng: Random, name: str, depth: int) -> Any:
    """Make the option of a directive that Segment does not know."""
    made: dict[str, Any] = {"value": node(rng, depth)}
    match name:
        case "@hash":
            made["as"] = pick(rng, ("email", "gmail", "phone", "digits", None, "nope"))
            made["algorithm"] = pick(rng, ("sha256", "md5", "sha1", "nope"))
            made["encoding"] = pick(rng, ("hex", "base64"))
        case "@time":
            made["as"] = pick(rng, ("s", "ms", "us", "iso", "date", "nope"))
        case "@omit" | "@pick":
            listed = [key(rng) for _ in range(int(rng.random() * 3))]
            made["keys"] = pick(rng, (listed, dict.fromkeys(listed, key(rng)), node(rng, depth)))
            made |= {"deep": True} if chance(rng, 0.2) else {}
        case "@choose":
            of = {key(rng): node(rng, depth) for _ in range(int(rng.random() * 3))}
            made = {"by": node(rng, depth), "of": of, **_else(rng, depth)}
        case "@values":
            made |= {"each": {key(rng): node(rng, depth)}} if chance(rng, 0.5) else {"as": "text"}
            made["keys"] = pick(rng, ("snake", "camel", "upper", "nope"))
            made["list"] = chance(rng, 0.3)
        case "@split":
            made |= {"by": pick(rng, (",", " ", "", "\ud800")), "trim": chance(rng, 0.5)}
    return made


def _else(rng: Random, depth: int) -> dict[str, Any]:
    return {"else": node(rng, depth)} if chance(rng, 0.5) else {}


def grown(rng: Random) -> dict[str, Any]:
    """Make a mapping of one directive inside itself, many times: the text or the list doubles each time."""
    made: Any = {"@path": pick(rng, ("$.", "$.properties", "$.properties.a", "$.properties.products"))}
    kind = int(rng.random() * 8)
    for _ in range(pick(rng, (5, 15, 30, 60, 90))):
        if kind == 0:
            made = {"@json": {"mode": "encode", "value": made}}
        elif kind == 1:
            made = {"@transform": {"apply": {"a": made}, "mapping": {"b": {"@template": "{{a}}{{a}}"}}}}
        elif kind == 2:
            made = [made, made] if chance(rng, 0.2) else {"a": made}
        elif kind == 3:
            made = {"@replace": {"pattern": "a", "replacement": "a" * 10, "value": made}}
        elif kind == 4:
            made = {"@flatten": {"value": {"a": made, "b": made}, "separator": "." * 20}}
        elif kind == 5:
            made = {"@arrayPath": [made, {"a": {"@path": "$."}, "b": {"@path": "$."}}]}
        elif kind == 6:
            made = {"@merge": {"objects": [{"a": made}, {"b": made}], "direction": "right"}}
        else:
            made = {"@if": {"exists": made, "then": {"@path": "$.event"}, "else": made}}
        if len(json.dumps(made)) > 60_000:
            break
    return {"v": made}


# -- definitions -------------------------------------------------------------------------------------

FIELD_TYPES: Final = ("string", "text", "password", "number", "integer", "boolean", "datetime", "object")
FORMATS: Final = (
    "date", "time", "date-time", "date-like", "uri", "uri-reference", "uri-template", "email", "hostname",
    "ipv4", "ipv6", "regex", "uuid", "password", "text", None, "nope",
)  # fmt: skip
FIELD_OPTIONS: Final = (
    "label", "description", "required", "multiple", "allowNull", "additionalProperties", "properties",
    "choices", "default", "format", "minimum", "maximum", "depends_on", "dynamic", "hidden", "unsafe_hidden",
    "readOnly", "placeholder", "category", "displayMode", "defaultObjectUI", "disabledInputMethods", "nope",
)  # fmt: skip


def field(rng: Random, depth: int = 2) -> dict[str, Any]:
    """Make a field of a definition."""
    made: dict[str, Any] = {"type": pick(rng, FIELD_TYPES), "label": "Label", "description": "Text."}
    for _ in range(int(rng.random() * 4)):
        name = pick(rng, FIELD_OPTIONS[:-1]) if chance(rng, 0.98) else "nope"
        made[name] = _field_option(rng, name, depth)
    return made


def _field_option(rng: Random, name: str, depth: int) -> Any:  # noqa: PLR0911 - one for each option
    match name:
        case "properties":
            return fields(rng, depth - 1) if depth > 0 else {}
        case "choices":
            bare = [scalar(rng) for _ in range(int(rng.random() * 4))]
            return [{"label": text(rng), "value": item} for item in bare] if chance(rng, 0.5) else bare
        case "default":
            return node(rng, 1) if chance(rng, 0.7) else value(rng, 1)
        case "format":
            return pick(rng, FORMATS)
        case "minimum" | "maximum":
            return number(rng)
        case "depends_on":
            return _conditions(rng)
        case "required":
            return _conditions(rng) if chance(rng, 0.4) else chance(rng, 0.5)
        case "disabledInputMethods":
            return ["literal"]
        case "category" | "displayMode" | "defaultObjectUI" | "placeholder" | "label" | "description":
            return text(rng)
    return chance(rng, 0.6)


def _conditions(rng: Random) -> dict[str, Any]:
    conditions = [
        {
            "fieldKey": key(rng),
            "operator": pick(rng, ("is", "is_not")),
            "value": [scalar(rng), 1] if chance(rng, 0.2) else scalar(rng),
            "type": pick(rng, ("field", "field", "syncMode")),
        }
        for _ in range(1 + int(rng.random() * 2))
    ]
    return {"match": pick(rng, ("all", "any", None)), "conditions": conditions}


def fields(rng: Random, depth: int = 2) -> dict[str, Any]:
    """Make the fields of an action."""
    return {key(rng): field(rng, depth) for _ in range(int(rng.random() * 4))}


def request(rng: Random) -> dict[str, Any]:
    """Make a request of a definition, written with directives."""
    made: dict[str, Any] = {
        "method": pick(rng, ("POST", "GET", "DELETE", "post", "", "P T", {"@path": "$.payload.a"})),
        "url": pick(
            rng, ("/people", "https://api.example.test/v1", "", "//x", {"@path": "$.payload.url"}, "/{{a}}")
        ),
    }
    for name in ("headers", "params", "json", "form"):
        if chance(rng, 0.3):
            made[name] = {key(rng): node(rng, 2) for _ in range(int(rng.random() * 3))}
    if chance(rng, 0.1):
        made["timeout"] = number(rng)
    for name in ("path", "basic", "when", "require", "expect"):
        if chance(rng, 0.15):
            made[name] = _request_part(rng, name)
    return made


def _request_part(rng: Random, name: str) -> Any:
    """Make a part of a request that decides, or has a form of its own."""
    condition = pick(
        rng, ("payload.a != null", "body.ok = true", "length(payload.a) > 1", "(", "", "a in [1]")
    )
    match name:
        case "path":
            return {key(rng): node(rng, 1)}
        case "basic":
            return [node(rng, 1) for _ in range(int(rng.random() * 3))]
        case "when":
            return pick(rng, (condition, {"if": condition, "message": text(rng)}, node(rng, 1)))
        case "require":
            return [{"anyOf": [key(rng)]}, {"if": condition, "message": text(rng)}, {}][
                : int(rng.random() * 4)
            ]
    return {"status": [409], pick(rng, ("if", "retry", "unauthorized")): condition, "message": node(rng, 1)}


def action(rng: Random) -> dict[str, Any]:
    """Make an action of a definition."""
    made: dict[str, Any] = {"title": "Title", "description": "Text.", "fields": fields(rng)}
    if chance(rng, 0.7):
        made["defaultSubscription"] = fql(rng) if chance(rng, 0.5) else 'type = "track"'
    if chance(rng, 0.6):
        made["request"] = request(rng)
    if chance(rng, 0.2):
        made["batchRequest"] = request(rng)
    if chance(rng, 0.1):
        modes = ("add", "update", "upsert", "delete", "mirror")
        made["syncMode"] = {"default": pick(rng, modes), "choices": [{"value": mode} for mode in modes]}
    if chance(rng, 0.05):
        made["hooks"] = {
            "onMappingSave": {"label": "L", "inputFields": fields(rng, 1), "outputFields": fields(rng, 1)}
        }
    if chance(rng, 0.1):
        made["statusHints"] = {pick(rng, ("404", "429", "99", "x")): text(rng)}
    return made


def definition(rng: Random) -> Any:
    """Make a definition of a destination."""
    actions = {
        pick(rng, ("a", "trackEvent", key(rng))): action(rng) for _ in range(1 + int(rng.random() * 2))
    }
    made: dict[str, Any] = {"slug": "actions-random", "name": "Random", "mode": "cloud", "actions": actions}
    if chance(rng, 0.5):
        scheme = pick(rng, ("basic", "custom", "oauth2", "oauth-managed", "nope"))
        made["authentication"] = {"scheme": scheme, "fields": fields(rng, 1)}
    if chance(rng, 0.4):
        made["request"] = {
            "baseUrl": pick(rng, ("https://api.example.test", "x", {"@path": "$.settings.url"}))
        }
        if chance(rng, 0.5):
            made["request"]["headers"] = {key(rng): node(rng, 1)}
    if chance(rng, 0.3):
        preset = {
            "name": "P",
            "type": "automatic",
            "partnerAction": next(iter(actions)),
            "subscribe": fql(rng),
        }
        made["presets"] = [{**preset, "mapping": mapping(rng)} if chance(rng, 0.5) else preset]
    if chance(rng, 0.1):
        made["testAuthentication"] = request(rng)
    if chance(rng, 0.1):
        made["onDelete"] = request(rng)
    if chance(rng, 0.05):
        made["audienceFields"] = fields(rng, 1)
        made["audienceConfig"] = {
            "mode": {"type": pick(rng, ("realtime", "synced")), "full_audience_sync": False}
        }
    if chance(rng, 0.1):
        made["triesByStatus"] = {pick(rng, ("500", "429", "0", "x")): number(rng)}
    return spoil(rng, made, 1 + int(rng.random() * 2)) if chance(rng, 0.3) else made


def as_text(rng: Random, document: Any) -> str:
    """Write a document as JSON with what only its text can hold: duplicate keys, huge numbers, rubbish."""
    try:
        source = json.dumps(document)
    except (ValueError, RecursionError):
        source = "{}"
    roll = rng.random()
    at = int(rng.random() * (len(source) + 1))
    if roll < 0.3:
        return source.replace(
            "{", pick(rng, ('{"a": 1, "a": 2, ', '{"__proto__": {}, ', '{"slug": "x", ')), 1
        )
    if roll < 0.5:
        return (
            source[:at]
            + pick(rng, ("NaN", "1e400", "9" * 5_000, "\ud800", "\\ud800", "\0", ",", "[" * 9_000))
            + source[at:]
        )
    if roll < 0.65:
        return source[:at]
    if roll < 0.75:
        return pick(rng, ("\ufeff", " ", "//x\n", "")) + source + pick(rng, ("", "x", "{}", "\0"))
    return pick(rng, ("", "null", "[]", '""', digits(number(rng)))) if roll < 0.8 else source


# -- workspaces --------------------------------------------------------------------------------------

FULLSTORY_ACTIONS: Final = {
    "trackEvent": ("userId", "name", "properties", "timestamp", "useRecentSession", "sessionUrl"),
    "trackEventV2": (
        "userId",
        "name",
        "properties",
        "timestamp",
        "useRecentSession",
        "sessionUrl",
        "batch_size",
    ),
    "identifyUser": ("userId", "anonymousId", "displayName", "email", "traits"),
    "identifyUserV2": ("uid", "anonymousId", "displayName", "email", "properties", "batch_size"),
}
DELIVERY: Final = ("concurrency", "timeout", "retry", "poll", "rate")


def subscription(rng: Random) -> dict[str, Any]:
    """Make a subscription of FullStory's actions, or of the webhook's."""
    name = pick(rng, tuple(FULLSTORY_ACTIONS)) if chance(rng, 0.95) else pick(rng, ("send", "nope", ""))
    made: dict[str, Any] = {
        "partnerAction": name,
        "subscribe": fql(rng) if chance(rng, 0.3) else 'type != "x"',
    }
    if chance(rng, 0.8):
        names = FULLSTORY_ACTIONS.get(name, ("url", "method", "headers", "data"))
        made["mapping"] = {field: node(rng, 2) for field in names if chance(rng, 0.8)}
    if chance(rng, 0.3):
        made["name"] = text(rng)
    return made


def filters(rng: Random) -> list[Any]:
    """Make the filters of an instance."""
    found = []
    for _ in range(int(rng.random() * 3)):
        kind = pick(rng, ("DROP", "SAMPLE", "DROP_PROPERTIES", "ALLOW_PROPERTIES"))
        step: dict[str, Any] = {"type": kind}
        if kind == "SAMPLE":
            step |= {"percent": pick(rng, (0, 0.5, 1, 1.0)), "path": path(rng)}
        elif kind != "DROP":
            listed = [pick(rng, (*KEYS, "a.b", "a[0]", "")) for _ in range(2)]
            step["fields"] = {pick(rng, ("properties", "traits", "context", "x")): {"fields": listed}}
        found.append({"if": fql(rng), "actions": [step]})
    return found


def instance(rng: Random) -> dict[str, Any]:
    """Make an instance of a workspace."""
    made: dict[str, Any] = {
        "id": pick(rng, ("one", "two", text(rng))),
        "destination": pick(rng, ("actions-fullstory-cloud", "actions-webhook", "actions-random")),
        "settings": {"apiKey": "na1.secret"},
        "subscriptions": "presets"
        if chance(rng, 0.1)
        else [subscription(rng) for _ in range(int(rng.random() * 3))],
        "delivery": {"retry": {"tries": 1}},
    }
    if chance(rng, 0.3):
        made["filters"] = filters(rng)
    if chance(rng, 0.3):
        made["settings"][pick(rng, ("baseUrl", "integrationSource", "sharedSecret", "nope", key(rng)))] = (
            pick(rng, (text(rng), {"$env": "HOME"}, {"$env": text(rng)}, value(rng, 1), ["secret"]))
        )
    if chance(rng, 0.2):
        made["delivery"] = {name: number(rng) for name in DELIVERY if chance(rng, 0.3)}
        made["delivery"]["retry"] = {"tries": 1, "within": number(rng)}
    if chance(rng, 0.1):
        made[pick(rng, ("enabled", "consentCategories", "allowPrivateAddresses", "more"))] = value(rng, 1)
    return made


def workspace(rng: Random) -> Any:
    """Make a workspace."""
    made: dict[str, Any] = {"destinations": [instance(rng) for _ in range(1 + int(rng.random() * 2))]}
    if chance(rng, 0.05):
        made[pick(rng, ("name", "definitions", "outbox", "broker", "sources", "$schema"))] = value(rng, 1)
    return spoil(rng, made, 1 + int(rng.random() * 2)) if chance(rng, 0.25) else made
