"""The report of a finished evaluation: a self-contained HTML page or a PDF, in Dutch or English.

The same evaluation gives the same bytes. What a report says is in `service.report`; here is only its HTTP face.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy.orm import Session, sessionmaker

from service.api.context import Configured, Sessions
from service.api.evaluations import EvaluationId, finished_evaluation, is_current, whole_evaluation
from service.api.finished import respond
from service.api.self_contained import preferred_language, self_contained
from service.middleware import API_ROOT, quality
from service.problems import Problem, documented
from service.security import ReaderOfConcepts
from service.storage.archive import entries_at
from service.storage.base import reading
from service.storage.evaluations import StoredEvaluation

router = APIRouter(prefix="/evaluations/{evaluationId}", tags=["evaluation"])
HTML, PDF = "text/html", "application/pdf"
_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/report",
    response_class=Response,
    responses={
        200: {"content": {HTML: {"schema": {"type": "string"}}, PDF: _FILE}},
        409: documented("The evaluation has no results yet, or an earlier version computed it."),
    },
    summary="The report, as HTML or PDF",
)
def read_report(
    request: Request,
    evaluation_id: EvaluationId,
    _caller: ReaderOfConcepts,
    sessions: Sessions,
    settings: Configured,
    language: Annotated[
        Literal["nl", "en"] | None, Query(description="By default as Accept-Language has it.")
    ] = None,
    form: Annotated[Literal["html", "pdf"] | None, Query(alias="format")] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    accept_language: Annotated[str, Header(alias="Accept-Language", include_in_schema=False)] = "",
) -> Response:
    found = finished_evaluation(sessions, evaluation_id)
    if not is_current(found):
        detail = (
            f"It was computed by {found.basis.model_version}; order it again to get a report of this version."
        )
        dutch = (
            f"Deze evaluatie is berekend door {found.basis.model_version}; vraag haar opnieuw aan voor een rapport van "
            "deze versie."
        )
        raise Problem(409, "Computed by an earlier version", detail, dutch=dutch)
    chosen = language or preferred_language(accept_language)
    as_pdf = form == "pdf" or (form is None and quality(accept, PDF) > quality(accept, HTML))
    address = f"{settings.public_url}{API_ROOT}"

    def render() -> bytes:
        from service.report.content import report_document
        from service.report.html import report_html
        from service.report.pdf import report_pdf

        whole = whole_evaluation(found, settings)
        document = report_document(whole, _sources(sessions, found), address, chosen)
        return report_pdf(document) if as_pdf else report_html(document)

    name = f"instroom-{found.result_hash[:12]}-{chosen}.{'pdf' if as_pdf else 'html'}"
    kind = PDF if as_pdf else f"{HTML}; charset=utf-8"
    answer = respond(request, f"{found.result_hash} {chosen}", render, kind)
    answer.headers.update(self_contained(name, chosen))
    return answer


def _sources(sessions: sessionmaker[Session], found: StoredEvaluation) -> dict[str, str]:
    """Where each archived forecast comes from: the document it was transcribed from, or how it came in."""
    from service.report.appendix import source_key

    with reading(sessions) as session:
        entries = entries_at(session, found.order.archive_filter, found.basis.newest_entry)
    return {
        source_key(e.key.edition, e.key.stage, e.key.issuer, e.key.expert, e.key.target_year): str(
            e.content.get("source") or e.origin
        )
        for e in entries
    }
