"""Batch imports: jobs that take a while, and the outcome of each of their requests."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

import attrs

from actions_core import Response, format_time
from actions_fullstory.sandbox.answers import Refusal, answer, invalid, missing, not_found, too_many
from actions_fullstory.sandbox.checks import an_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions_core import Json, JsonObject
    from actions_fullstory.sandbox.organization import Organization

Kind = Literal["users", "events"]
_ACCEPTED: Final = 202


@attrs.frozen
class Limits:
    """Limits for the size of batches, and for the number in progress in an organization."""

    requests: int = 50_000
    running: int = 100
    open: int = 200
    operations: int = 500_000
    page: int = 1_000


@attrs.define
class Job:
    """One import. `done_at` is None while it waits for others to finish."""

    id: str
    kind: Kind
    requests: list[Json]
    shared: Json
    created: str
    done_at: float | None = None
    finished: str | None = None
    imports: list[JsonObject] = attrs.field(factory=list)
    errors: list[JsonObject] = attrs.field(factory=list)

    @property
    def status(self) -> str:
        """The status: a job with any failure has failed."""
        if self.finished is None:
            return "PROCESSING"
        return "FAILED" if self.errors else "COMPLETED"

    def to_json(self) -> JsonObject:
        """Return the job as responses contain it."""
        job = {"id": self.id, "status": self.status, "created": self.created}
        return job if self.finished is None else {**job, "finished": self.finished}


class Batches:
    """The jobs of one organization. `seconds` is how long each of them takes."""

    def __init__(
        self,
        organization: Organization,
        clock: Callable[[], float],
        *,
        seconds: float,
        limits: Limits,
        last_page: Literal["none", "empty", "same"],
    ) -> None:
        self._organization = organization
        self._clock = clock
        self._seconds = seconds
        self._limits = limits
        self._last_page = last_page
        self._numbers = itertools.count(1)
        self.jobs: dict[str, Job] = {}

    def create(self, kind: Kind, body: Json) -> Response:
        """Accept a batch; its requests are checked later."""
        body = an_object(body)
        requests = body.get("requests")
        if requests is None or requests == []:
            raise missing("requests")
        if not isinstance(requests, list):
            raise invalid("requests must be a list")
        if len(requests) > self._limits.requests:
            raise invalid(f"requests must hold at most {self._limits.requests} objects")
        waiting = self._open()
        if len(waiting) >= self._limits.open:
            raise too_many("too many import jobs are open", 1)
        if sum(len(job.requests) for job in waiting) + len(requests) > self._limits.operations:
            raise too_many("too many operations are under way", 1)
        job = Job(f"job-{next(self._numbers)}", kind, requests, body.get("shared"), self._now())
        self.jobs[job.id] = job
        self.settle()
        return answer({"job": job.to_json()})

    def status(self, kind: Kind, job_id: str) -> Response:
        """Return the status of a job."""
        job = self._job(kind, job_id)
        return answer({"imports": len(job.imports), "errors": len(job.errors), "job": job.to_json()})

    def page(self, kind: Kind, job_id: str, which: Literal["imports", "errors"], token: str) -> Response:
        """Return a page of the results of a job's requests; nothing while it runs."""
        job = self._job(kind, job_id)
        if job.finished is None:
            return answer(status=_ACCEPTED)
        results = job.imports if which == "imports" else job.errors
        if token and not (token.isascii() and token.isdigit()):
            raise invalid("page_token is not known")
        start = int(token or 0)
        end = start + self._limits.page
        body: JsonObject = {"results": results[start:end], "total_records": str(len(results))}
        if end < len(results):
            body["next_page_token"] = str(end)
        elif self._last_page != "none":
            body["next_page_token"] = token if self._last_page == "same" else ""
        return answer(body)

    def settle(self) -> None:
        """Start the jobs that may run, finish those whose time has come."""
        now = self._clock()
        for job in [job for job in self._open() if job.done_at is not None and job.done_at <= now]:
            self._finish(job)
        for job in self._open()[: self._limits.running]:
            if job.done_at is None:
                job.done_at = now + self._seconds

    def _finish(self, job: Job) -> None:
        one = "user" if job.kind == "users" else "event"
        for request in job.requests:
            try:
                job.imports.append(self._import(job, request))
            except Refusal as refusal:
                job.errors.append({"message": refusal.message, "code": refusal.code, one: request})
        job.finished = self._now()

    def _import(self, job: Job, request: Json) -> JsonObject:
        if job.kind == "users":
            return self._organization.upsert(request).to_json()
        shared = job.shared.get("context") if isinstance(job.shared, dict) else None
        if shared is not None and isinstance(request, dict):
            if "context" in request:
                raise invalid("context may be given for all events or for each, not both")
            request = {**request, "context": shared}
        return self._organization.track(request)

    def _open(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.finished is None]

    def _job(self, kind: Kind, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        if job is None or job.kind != kind:
            raise not_found()
        return job

    def _now(self) -> str:
        return format_time(datetime.fromtimestamp(self._clock(), UTC))
