"""A caller over the limit gets 429 with the seconds to wait; nobody else notices."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest

from service.app import create_app
from service.settings import ConfigurationError, Settings, load_settings
from tests.contract.every_role import settings_of

PATH = "/v1/scenario-sets"


@pytest.fixture
def limited(tmp_path: Any, connect: Callable[..., Any]) -> Callable[..., Any]:
    """`limited("3/minute")` gives a function that opens a client of one service by its token."""

    def made(limit: str | None, **changes: Any) -> Callable[[str | None], Any]:
        app = create_app(dataclasses.replace(settings_of(tmp_path), rate_limit=limit, **changes))
        return lambda token: connect(app, token)

    return made


def test_over_the_limit_it_is_429_with_the_seconds_to_wait(limited: Callable[..., Any]) -> None:
    service = limited("3/hour")
    expert = service("expert")
    answers = [expert.get(PATH) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0"]
    assert answers[0].headers["ratelimit-policy"] == '"requests";q=3;w=3600'
    refused = expert.get(PATH)
    assert refused.status_code == 429 and refused.headers["content-type"] == "application/problem+json"
    assert (refused.json()["status"], refused.json()["title"]) == (429, "Too Many Requests")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert "r=0" in refused.headers["ratelimit"] and refused.headers["api-version"]
    assert service("admin").get(PATH).status_code == 200


def test_trying_many_tokens_counts_for_the_address(limited: Callable[..., Any]) -> None:
    service = limited("3/hour")
    answers = [service(f"guess {number}").get(PATH).status_code for number in range(5)]
    assert answers == [401, 401, 401, 429, 429]
    assert service(None).get(PATH).status_code == 429
    assert service("expert").get(PATH).status_code == 200


def test_health_and_pages_are_not_counted(limited: Callable[..., Any]) -> None:
    client = limited("1/hour")("expert")
    for path in ("/v1/health/live", "/v1/health/live", "/", "/v1/health/ready"):
        answer = client.get(path)
        assert answer.status_code == 200 and "ratelimit" not in answer.headers
    assert client.get(PATH).status_code == 200


def test_after_the_window_it_goes_on(limited: Callable[..., Any]) -> None:
    client = limited("1/second")("expert")
    until = time.monotonic() + 30
    answers = [client.get(PATH).status_code]
    while time.monotonic() < until and (answers[-1] != 200 or 429 not in answers):
        answers.append(client.get(PATH).status_code)
    assert set(answers) == {200, 429} and answers[-1] == 200


@pytest.mark.parametrize("changes", [{"tokens_file": None, "host": "127.0.0.1"}, {"rate_limit": None}])
def test_in_development_and_when_switched_off_nobody_is_counted(
    limited: Callable[..., Any], changes: dict[str, Any]
) -> None:
    client = limited(
        **{"limit": "1/hour", **{("limit" if k == "rate_limit" else k): v for k, v in changes.items()}}
    )
    answers = [client("expert").get(PATH) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("ratelimit" in answer.headers for answer in answers)


@pytest.mark.parametrize("text", ["lots", "0/minute", "-1/minute", "3/fortnight", "3 per minute"])
def test_a_limit_without_meaning_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match="INSTROOM_RATE_LIMIT"):
        load_settings({"INSTROOM_RATE_LIMIT": text})


def test_the_limit_comes_from_the_environment() -> None:
    assert load_settings({}).rate_limit == "3000/minute"
    assert load_settings({"INSTROOM_RATE_LIMIT": "none"}).rate_limit is None
    assert isinstance(load_settings({"INSTROOM_RATE_LIMIT": "10/second"}), Settings)
