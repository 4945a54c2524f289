"""What a refusal comes to in Dutch, by its HTTP status, where nobody wrote a sentence about the case itself.

Must not know any resource.
"""

from __future__ import annotations

_BY_STATUS = {
    400: "De invoer klopt niet; bij elk veld staat wat eraan schort.",
    401: "Geef een geldige toegangscode; deze ontbreekt of is hier niet bekend.",
    403: "Uw rol mag dit niet.",
    404: "Dit is hier niet te vinden: het bestaat niet, niet meer, of is niet voor u.",
    405: "Dit adres kent deze handeling niet.",
    406: "Dit is er niet in de gevraagde vorm.",
    408: "Het verzoek kwam niet op tijd binnen; probeer het opnieuw.",
    409: "Dit kan niet zoals de zaken er nu voor staan.",
    412: "Iemand heeft intussen een andere versie opgeslagen; lees die en probeer het opnieuw.",
    413: "De inhoud is te groot.",
    414: "Het adres is te lang.",
    415: "De inhoud is niet van een soort die hier gelezen wordt.",
    416: "Dit deel is er niet.",
    421: "Deze dienst antwoordt niet onder deze naam.",
    422: "De invoer is niet te verwerken.",
    428: "Noem met If-Match de versie die u hebt gewijzigd.",
    429: "Er komen te veel verzoeken achter elkaar; wacht even en probeer het dan opnieuw.",
    431: "De kopregels van het verzoek zijn te lang.",
    500: "Er ging hier iets mis; het logboek zegt wat.",
    502: "De dienst is even niet bereikbaar; probeer het zo opnieuw.",
    503: "De dienst kan dit nu niet beantwoorden; probeer het later opnieuw.",
    504: "De dienst antwoordt niet op tijd; probeer het zo opnieuw.",
}
_REFUSED, _FAILED = "Het verzoek is geweigerd.", "Er ging hier iets mis."
_STATES = {
    "queued": "wacht nog op haar beurt",
    "running": "loopt nog",
    "succeeded": "is voltooid",
    "failed": "is mislukt",
    "cancelled": "is afgebroken",
}


def sentence_nl(status: int) -> str:
    """The status's sentence."""
    return _BY_STATUS.get(status, _REFUSED if status < 500 else _FAILED)


def state_nl(state: str) -> str:
    """What a job in this state is doing, after its subject ("De berekening ...")."""
    return _STATES.get(state, f"staat op {state}")
