"""What the page on declarations shows at a prompt is what a prompt answers."""

import doctest

from tests.docs.pages import DOCS, blocks

DECLARING = DOCS / "declaring.md"


def test_declaring_examples_answer_as_the_page_says() -> None:
    """Each block runs in one session, from the first to the last."""
    session: dict[str, object] = {"__name__": "declaring"}
    parser, told = doctest.DocTestParser(), list[str]()
    runner = doctest.DocTestRunner(verbose=False)
    for block in blocks(DECLARING):
        if block.language == "pycon":
            test = parser.get_doctest(block.text, session, "declaring.md", str(DECLARING), block.line)
            runner.run(test, out=told.append, clear_globs=False)
            session = test.globs
        else:
            assert block.language == "python", f"nothing reads the block at line {block.line}"
            exec(block.text, session)  # noqa: S102  # the page is ours

    assert [] == told
    assert runner.summarize(verbose=False).attempted > 10
