"""The page of old in a real browser, before the first step and behind the last."""

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.conftest import how_to_launch
from tests.hardening.running import LAST, PASSWORDS, running
from tests.kits import in_loop
from tests.ports import free_port


@in_loop
async def test_page_of_old_works_before_the_first_step_and_behind_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people in two profiles log in by its form and hear each other; the script is the same to the letter."""
    path, arguments = how_to_launch()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        for step in (0, LAST):
            port = free_port()
            async with running(step, monkeypatch, port):
                ann, bob = [await log_in(browser, port, name) for name in ("ann", "bob")]
                await ann.fill("[name=text]", f"<b>hello</b> in step {step}")
                await ann.press("[name=text]", "Enter")
                for page in (ann, bob):
                    await page.get_by_text(f"ann: <b>hello</b> in step {step}").wait_for()
                for page in (ann, bob):
                    await page.context.close()
        await browser.close()


async def log_in(browser: Browser, port: int, name: str) -> Page:
    """A page that listens to the lobby."""
    page = await (await browser.new_context()).new_page()
    await page.goto(f"http://127.0.0.1:{port}/")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", PASSWORDS[name])
    await page.click("text=Log in")
    await page.get_by_text("Be kind.").wait_for()
    return page
