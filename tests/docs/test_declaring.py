"""What the pages on declarations and fields show at a prompt is what a prompt answers."""

import doctest

import pytest

from tests.docs.pages import DOCS, blocks


@pytest.mark.parametrize(("page", "least"), [("declaring", 10), ("fields", 3), ("validation", 5)])
def test_declaring_examples_answer_as_the_page_says(page: str, least: int) -> None:
    """Each block runs in one session, from the first to the last."""
    path = DOCS / f"{page}.md"
    session: dict[str, object] = {"__name__": page}
    parser, told = doctest.DocTestParser(), list[str]()
    runner = doctest.DocTestRunner(verbose=False)
    for block in blocks(path):
        if block.language == "pycon":
            test = parser.get_doctest(block.text, session, path.name, str(path), block.line)
            runner.run(test, out=told.append, clear_globs=False)
            session = test.globs
        else:
            assert block.language == "python", f"nothing reads the block at line {block.line}"
            exec(block.text, session)  # noqa: S102  # the page is ours

    assert [] == told
    assert runner.summarize(verbose=False).attempted > least
