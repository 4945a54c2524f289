"""Recognises columns and values that look like personal data, so that a delivery holding them is refused.

Columns: an identifying name in Dutch or English, whatever its capitals and separators (`V-Nummer`, `v_nr`).
Values, in any column that is not a count:
- citizen service number (BSN): nine digits that pass the eleven test 9a+8b+7c+6d+5e+4f+3g+2h-i = 0 mod 11
  (Regeling Loonbelasting- en BSN-controle; one in eleven arbitrary nine-digit numbers passes as well);
- alien number (v-nummer): ten digits starting with 2, as issued today, or V and eight to ten digits;
- a full date as a cell of its own (a birth date: no column of a delivery but `known_at` holds days);
- an e-mail address.
Not recognised: names of persons, BSNs that lost their leading zero, numbers of foreign documents, digits in a
web address (article numbers pass the eleven test one time in eleven).
This module never returns, quotes or logs a value.
"""

import re
import unicodedata

import numpy as np
import pandas as pd

from service.sources.refusal import Said

_IDENTIFYING = frozenset(
    re.findall(
        r"\w+",
        """
    vnummer vnr vnumber vreemdelingennummer vreemdelingnummer aliennumber aliennr
    bsn bsnnummer burgerservicenummer sofi sofinummer ssn socialsecuritynumber citizenservicenumber
    geboortedatum geboortedag gebdatum gebdat geboorteplaats dateofbirth birthdate birthday dob birthplace
    placeofbirth
    naam namen voornaam voornamen achternaam roepnaam familienaam tussenvoegsel voorletters initialen
    volledigenaam name names firstname forename givenname surname lastname familyname fullname initials
    middlename applicantname naamaanvrager aanvrager persoon person
    adres address straat street straatnaam huisnummer housenumber postcode postalcode zipcode woonplaats
    telefoon telefoonnummer telephone phone phonenumber mobiel mobile email emailadres emailaddress mail
    paspoort paspoortnummer passport passportnumber documentnummer documentnumber
    idnummer idnumber identiteitsnummer nationalid persoonsid persoonid personid persoonsnummer personnumber
    clientnummer klantnummer clientid dossiernummer dossiernr zaaknummer zaaknr casenumber caseid
    eurodac eurodacnummer eurodacnumber iban rekeningnummer vingerafdruk fingerprint foto photo
    """,
    )
)
_IDENTIFYING_PARTS = re.compile(
    "vnummer|vreemdelingennummer|burgerservice|geboortedat|dateofbirth|birthdate|voornaam|achternaam|"
    "firstname|lastname|surname|paspoort|passport|telefoon|emailad"
)
_IDENTIFYING_WORDS = frozenset({"bsn", "vnr", "dob", "sofi", "ssn", "email", "eurodac"})
_FREE_TEXT = frozenset(
    re.findall(
        r"\w+",
        """
        nationaliteit nationality nationaliteitomschrijving nationalitydescription herkomst herkomstland
        geboorteland countryofbirth etniciteit ethnicity religie religion geloof opmerking opmerkingen
        toelichting remark remarks comment comments note notes vrijetekst freetext omschrijving description
        """,
    )
)

_MONTHS = (
    "jan|feb|mrt|maart|mar|march|apr|mei|may|jun|jul|aug|sep|okt|oct|nov|dec|januari|january|februari|"
    "february|april|juni|june|juli|july|augustus|august|september|oktober|october|november|december"
)
_YEAR = r"(?:19|20)\d\d"
_DATE = re.compile(
    rf"{_YEAR}[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?:[T ]\d.*)?"
    rf"|(?:0?[1-9]|[12]\d|3[01])[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:{_YEAR}|\d\d)(?:[T ]\d.*)?"
    rf"|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    rf"|(?:0?[1-9]|[12]\d|3[01])[-. ](?:{_MONTHS})\.?[-. ,]+{_YEAR}",
    re.IGNORECASE,
)
_NINE_DIGITS = re.compile(r"(?<![\w.-])(\d{9}|\d{4}[. ]\d{2}[. ]\d{3}|\d{3}[. ]\d{3}[. ]\d{3})(?![\w-])")
_ALIEN_NUMBER = re.compile(r"(?<![\w.-])(2\d{9}|2\d{2}[. -]\d{3}[. -]\d{4}|[vV][- .]?\d{8,10})(?![\w-])")
_WEB_ADDRESS = re.compile(r"https?://[^\s,;)]+")
_EMAIL = re.compile(r"(?<=[^\s@;,])@[^\s@;,]+\.[a-zA-Z]{2,}")
_ELEVEN_TEST = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def personal_column(name: str) -> Said | None:
    """Why a column of this name is refused, or None. The answer repeats only a name from our own list."""
    bare = _bare(name)
    words = {_bare(word) for word in re.split(r"[^0-9A-Za-z]+|(?<=[a-z])(?=[A-Z])", name)}
    if bare in _IDENTIFYING or _IDENTIFYING_PARTS.search(bare) or words & _IDENTIFYING_WORDS:
        return (
            "looks like personal data; deliver counts only and leave this column out",
            "lijkt op persoonsgegevens; lever alleen aantallen en laat deze kolom weg",
        )
    return None


def free_text_column(name: str) -> Said | None:
    """Why a column of this name may hold text about persons, or None; a mapping file may declare it."""
    if _bare(name) in _FREE_TEXT:
        return (
            "free text about persons; give an ISO code in `citizen`, or use a mapping file",
            "vrije tekst over personen; geef een ISO-code in ‘citizen’, of gebruik een vertaalbestand",
        )
    return None


def personal_values(cells: pd.Series, *, dates_expected: bool = False) -> list[tuple[np.ndarray, Said]]:
    """Masks over `cells` (strings) with the reason each marked cell is refused; empty when nothing is.

    Each distinct value is looked at once, so a column of repeated codes costs nothing.
    """
    codes, distinct = pd.factorize(cells.astype(str))
    reasons = [_reason(str(value), dates_expected) for value in distinct]
    found = sorted({reason for reason in reasons if reason is not None})
    by_code = np.array([found.index(r) if r is not None else -1 for r in reasons], dtype=np.int64)
    return [(by_code[codes] == place, reason) for place, reason in enumerate(found)]


def passes_eleven_test(digits: str) -> bool:
    """Whether nine digits form a valid citizen service number."""
    weighted = sum(weight * int(digit) for weight, digit in zip(_ELEVEN_TEST, digits, strict=True))
    return weighted % 11 == 0 and int(digits) > 0


def _reason(value: str, dates_expected: bool) -> Said | None:
    text = _WEB_ADDRESS.sub("", value).strip()
    if len(text) < 6:
        return None
    if _ALIEN_NUMBER.search(text):
        return _shaped_like("an alien number (v-nummer)", "een v-nummer")
    if any(passes_eleven_test(re.sub(r"\D", "", found)) for found in _NINE_DIGITS.findall(text)):
        return _shaped_like("a citizen service number (BSN)", "een burgerservicenummer (BSN)")
    if _EMAIL.search(text):
        return _shaped_like("an e-mail address", "een e-mailadres")
    if not dates_expected and _DATE.fullmatch(text):
        return _shaped_like("a birth date", "een geboortedatum")
    return None


def _shaped_like(what: str, wat: str) -> Said:
    return (
        f"has the shape of {what}; deliver counts only; the value is not repeated here and was not stored",
        f"heeft de vorm van {wat}; lever alleen aantallen; de waarde is hier niet herhaald en niet bewaard",
    )


def _bare(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9a-z]", "", plain.lower())
