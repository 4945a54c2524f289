"""The job table alone: who may change what, leases, shared keys; one worker at a time whatever the timing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from service.storage import jobs
from service.storage.base import reading, writing
from service.storage.jobs import Claim, Job, JobState

Sessions = sessionmaker[Session]
KIND = "forecast"
EXPIRED = timedelta(seconds=-1)
PROBLEM = {"type": "about:blank", "title": "T", "status": 500, "detail": "why"}


def queued(sessions: Sessions, key: str = "a" * 64, subject: str = "s") -> Job:
    with writing(sessions) as session:
        return jobs.enqueue(session, KIND, subject, key)


def claimed(sessions: Sessions, lease: timedelta = jobs.LEASE, worker: str = "w") -> Claim | None:
    with writing(sessions) as session:
        return jobs.claim(session, worker, (KIND,), lease)


def taken(sessions: Sessions, lease: timedelta = jobs.LEASE) -> Claim:
    claim = claimed(sessions, lease)
    assert claim is not None
    return claim


def write(sessions: Sessions, deed: Callable[[Session], bool]) -> bool:
    with writing(sessions) as session:
        return deed(session)


def state(sessions: Sessions, job_id: str) -> Job:
    with reading(sessions) as session:
        job = jobs.get_job(session, job_id)
    assert job is not None
    return job


def test_a_job_goes_from_queued_over_running_to_succeeded(sessions: Sessions) -> None:
    job = queued(sessions)
    assert (job.state, job.progress, job.attempts) == (JobState.QUEUED, 0.0, 0)
    claim = taken(sessions)
    assert state(sessions, job.id).state is JobState.RUNNING
    assert write(sessions, lambda s: jobs.renew(s, claim, 0.4, "sampling"))
    halfway = state(sessions, job.id)
    assert (halfway.progress, halfway.stage, halfway.attempts) == (0.4, "sampling", 1)
    assert write(sessions, lambda s: jobs.succeed(s, claim))
    done = state(sessions, job.id)
    assert (done.state, done.progress, done.ended) == (JobState.SUCCEEDED, 1.0, True)
    assert done.ended_at is not None
    assert done.problem is None


def test_a_failed_job_keeps_its_problem(sessions: Sessions) -> None:
    queued(sessions)
    claim = taken(sessions)
    assert write(sessions, lambda s: jobs.fail(s, claim, PROBLEM))
    failed = state(sessions, claim.job_id)
    assert (failed.state, failed.problem) == (JobState.FAILED, PROBLEM)


@pytest.mark.parametrize("ended", ["succeed", "fail", "cancel"])
def test_an_ended_job_cannot_be_changed(sessions: Sessions, ended: str) -> None:
    queued(sessions)
    claim = taken(sessions)
    deeds: dict[str, Callable[[Session], bool]] = {
        "succeed": lambda s: jobs.succeed(s, claim),
        "fail": lambda s: jobs.fail(s, claim, PROBLEM),
        "cancel": lambda s: jobs.cancel(s, claim.job_id),
    }
    assert write(sessions, deeds[ended])
    before = state(sessions, claim.job_id)
    others: list[Callable[[Session], bool]] = [
        *deeds.values(),
        lambda s: jobs.renew(s, claim, 0.1, "late"),
        lambda s: jobs.release(s, claim),
    ]
    assert [write(sessions, deed) for deed in others] == [False] * 5
    assert state(sessions, claim.job_id) == before
    assert claimed(sessions) is None


def test_a_queued_job_is_cancelled_before_anyone_takes_it(sessions: Sessions) -> None:
    job = queued(sessions)
    assert write(sessions, lambda s: jobs.cancel(s, job.id))
    assert claimed(sessions) is None
    assert state(sessions, job.id).state is JobState.CANCELLED


def test_jobs_are_taken_in_the_order_in_which_they_came(sessions: Sessions) -> None:
    made = [queued(sessions, key=str(n)).id for n in range(3)]
    assert [taken(sessions).job_id for _ in made] == made


def test_only_the_kinds_asked_for_are_taken(sessions: Sessions) -> None:
    queued(sessions)
    with writing(sessions) as session:
        assert jobs.claim(session, "w", ("evaluation",)) is None


def test_a_running_job_is_nobody_elses_until_its_lease_ends(sessions: Sessions) -> None:
    queued(sessions)
    first = taken(sessions, EXPIRED)
    second = taken(sessions)
    assert second.job_id == first.job_id
    assert second.attempt == 2
    assert claimed(sessions) is None
    late: list[Callable[[Session], bool]] = [
        lambda s: jobs.renew(s, first, 0.9, "late"),
        lambda s: jobs.succeed(s, first),
        lambda s: jobs.fail(s, first, PROBLEM),
        lambda s: jobs.release(s, first),
    ]
    assert [write(sessions, deed) for deed in late] == [False] * 4
    assert state(sessions, first.job_id).state is JobState.RUNNING
    assert write(sessions, lambda s: jobs.succeed(s, second))


def test_a_renewed_lease_holds(sessions: Sessions) -> None:
    queued(sessions)
    claim = taken(sessions, timedelta(seconds=0.05))
    assert write(sessions, lambda s: jobs.renew(s, claim, 0.1, "x", timedelta(seconds=60)))
    threading.Event().wait(0.1)
    assert claimed(sessions) is None


def test_a_job_that_ends_its_workers_fails_at_last(sessions: Sessions) -> None:
    job = queued(sessions)
    assert [taken(sessions, EXPIRED).attempt for _ in range(jobs.MAX_ATTEMPTS)] == [1, 2, 3]
    assert claimed(sessions) is None
    failed = state(sessions, job.id)
    assert failed.state is JobState.FAILED
    assert failed.problem is not None
    assert "3 times" in failed.problem["detail"]


def test_a_released_job_waits_again_and_the_attempt_does_not_count(sessions: Sessions) -> None:
    queued(sessions)
    claim = taken(sessions)
    assert write(sessions, lambda s: jobs.release(s, claim))
    again = state(sessions, claim.job_id)
    assert (again.state, again.attempts, again.progress) == (JobState.QUEUED, 0, 0.0)
    assert taken(sessions).attempt == 1


def test_a_key_belongs_to_one_living_job(sessions: Sessions) -> None:
    job = queued(sessions)
    with writing(sessions) as session:
        assert jobs.live_job(session, "a" * 64) == job
    with pytest.raises(IntegrityError):
        queued(sessions)
    claim = taken(sessions)
    write(sessions, lambda s: jobs.succeed(s, claim))
    with writing(sessions) as session:
        done = jobs.live_job(session, "a" * 64)
    assert done is not None
    assert done.id == job.id


@pytest.mark.parametrize("deed", ["fail", "cancel"])
def test_what_failed_or_was_cancelled_may_be_asked_for_again(sessions: Sessions, deed: str) -> None:
    first = queued(sessions)
    claim = taken(sessions)
    write(sessions, lambda s: jobs.fail(s, claim, PROBLEM) if deed == "fail" else jobs.cancel(s, first.id))
    with writing(sessions) as session:
        assert jobs.live_job(session, "a" * 64) is None
    assert queued(sessions).id != first.id


def test_many_workers_at_once_take_every_job_once(sessions: Sessions) -> None:
    made = {queued(sessions, key=str(n)).id for n in range(12)}
    gate = threading.Barrier(6)

    def work(name: int) -> list[str]:
        gate.wait()
        mine = []
        for _ in range(40):
            claim = claimed(sessions, worker=str(name))
            if claim is not None:
                mine.append(claim.job_id)
        return mine

    with ThreadPoolExecutor(6) as pool:
        took = [job for mine in pool.map(work, range(6)) for job in mine]
    assert len(took) == len(made)
    assert set(took) == made


def test_many_requests_at_once_make_one_job(sessions: Sessions) -> None:
    gate = threading.Barrier(6)

    def ask(_: int) -> str:
        gate.wait()
        with writing(sessions) as session:
            found = jobs.live_job(session, "k" * 64)
            return (found or jobs.enqueue(session, KIND, "s", "k" * 64)).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1
