"""Which modules the page names, in which order."""

import pytest

from services.api.web_console.module_graph import module_path, static_graph

IMPORT_MAP = {"preact": "/console/vendor/preact.mjs", "htm": "/console/vendor/htm.mjs"}


def test_a_module_follows_those_that_it_imports() -> None:
    sources = {
        "js/main.js": 'import { App } from "./App.js";\nimport "./words/common.js";\nrender(App);',
        "js/App.js": 'import {\n  a,\n  b,\n} from "./rendering.js";\nexport { c } from "../js/c.js";',
        "js/rendering.js": "import * as p from 'preact';",
        "js/words/common.js": "",
        "js/c.js": "",
        "vendor/preact.mjs": 'import{options as n}from"htm";export{n};',
        "vendor/htm.mjs": "export default 1",
        "js/other.js": "",
    }
    assert static_graph(sources, IMPORT_MAP, ["js/main.js"]) == [
        "vendor/htm.mjs",
        "vendor/preact.mjs",
        "js/rendering.js",
        "js/c.js",
        "js/App.js",
        "js/words/common.js",
        "js/main.js",
    ]


def test_modules_that_import_each_other_and_names_of_nothing() -> None:
    sources = {"js/a.js": 'import "./b.js"; import "./missing.js"; import "unknown";', "js/b.js": 'import "./a.js";'}
    assert static_graph(sources, {}, ["js/a.js", "js/none.js"]) == ["js/b.js", "js/a.js"]


def test_what_is_loaded_already_is_left_out_with_what_it_imports() -> None:
    sources = {
        "js/a.js": 'import "./b.js";\nimport "./c.js";',
        "js/b.js": 'import "./d.js";',
        "js/c.js": "",
        "js/d.js": "",
    }
    assert static_graph(sources, {}, ["js/a.js"], without=["js/b.js"]) == ["js/c.js", "js/a.js"]


@pytest.mark.parametrize(
    "text",
    [
        'const page = () => import("./b.js");',
        'const text = "import"; const b = "./b.js";',
        '// import "./b.js";',
        'export const from = "./b.js";',
        'export default "./b.js";',
        'importable ("./b.js");',
    ],
)
def test_only_statements_count(text: str) -> None:
    assert static_graph({"js/a.js": text, "js/b.js": ""}, {}, ["js/a.js"]) == ["js/a.js"]


def test_names_are_resolved_as_a_browser_resolves_them() -> None:
    assert module_path("preact", "js/a.js", IMPORT_MAP) == "vendor/preact.mjs"
    assert module_path("../vendor/x.mjs", "js/a.js", IMPORT_MAP) == "vendor/x.mjs"
    assert module_path("./b/c.js", "js/pages/a.js", IMPORT_MAP) == "js/pages/b/c.js"
    assert module_path("/console/js/d.js", "js/a.js", IMPORT_MAP) == "js/d.js"
    assert module_path("https://elsewhere/e.js", "js/a.js", IMPORT_MAP) == "https://elsewhere/e.js"
