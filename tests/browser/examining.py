"""What a page looks like to everybody, said in one list that should be empty."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

EXCESS = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
TWO_FRAMES = "async () => { for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame); }"


def settled(page: Page) -> Page:
    """The page, once it can be measured: its text is there before its styles are, and its size before its charts'."""
    page.wait_for_load_state()
    page.evaluate(TWO_FRAMES)
    return page


def examined(page: Page) -> list[str]:
    """What axe-core finds on a page as it stands, and by how much the page is wider than its window.

    The page must have been opened with `is_examined=True`: its own policy would refuse axe.
    """
    faults = Axe().run(settled(page)).response["violations"]
    found = [f"{fault['id']}: {[node['target'] for node in fault['nodes']]}" for fault in faults]
    excess = page.evaluate(EXCESS)
    return [*found, *([f"too wide by {excess}"] if excess else [])]
