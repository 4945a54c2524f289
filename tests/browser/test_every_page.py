"""What holds for every page of the site: it opens quietly, fits a telephone, and axe finds nothing."""

import pytest

from service.web.site import PAGES, PageSpec
from tests.browser.conftest import NARROW, WIDE, Opener
from tests.browser.test_accessibility import violations

pytestmark = pytest.mark.browser
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@EVERY_PAGE
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_a_page_opens_quietly_fits_and_is_accessible(open_page: Opener, page: PageSpec, width: int) -> None:
    visit = open_page(width, page.address)
    visit.page.wait_for_load_state("networkidle")
    assert visit.page.locator("h1").inner_text().strip()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert violations(visit) == []
    # A page whose addresses the stand-in lacks may be refused; it may not fail in any other way.
    assert [said for said in visit.complaints if "Failed to load resource" not in said] == []
    assert visit.foreign_requests() == []
