"""The documentation site: sphinx-build -W --keep-going -b html docs docs/_build

Guides are the Markdown files beside this one, which also read well where they lie; tables and references are made
from the package when the site is built. Nothing in the pages comes from another server.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent / "_site"))

import hairseg  # noqa: E402

project = "hairseg"
author = "the hairseg contributors"
release = version = hairseg.__version__
project_copyright = f"{author}; code MIT, weights for research"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "from_package", "from_repository"]
exclude_patterns = ["_build", "_site"]
myst_heading_anchors = 4
smartquotes = False  # -- before an option is two hyphens
suppress_warnings = ["myst.header"]  # cards begin a second report below their own title

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False  # "photo (H, W): ..." in Returns is a description, not the name of a type
napoleon_custom_sections = [("Shape", "returns_style"), "Yields"]
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "hairseg"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_site/static"]
html_css_files = ["hairseg.css"]
html_theme_options = {
    "source_repository": "https://github.com/hairseg/hairseg/",
    "source_branch": "main",
    "source_directory": "docs/",
}
