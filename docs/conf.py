"""How the documentation is built: ``make docs``."""

from __future__ import annotations

import entregent

project = "Entregent"
author = "The Entregent authors"
copyright = "The Entregent authors, Apache-2.0"
version = release = entregent.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"Entregent {version}"
html_static_path = ["_static"]
html_css_files = ["paper.css"]
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0f766e",
        "color-brand-content": "#0f766e",
        "color-background-primary": "#fffdf9",
        "color-background-secondary": "#f8f5ee",
    },
    "dark_css_variables": {"color-brand-primary": "#5eead4", "color-brand-content": "#5eead4"},
}

# Rooms of one floor do not import each other, so that two may have a class of one name (a batch, an
# alert): a type in a signature then points at one of them.
suppress_warnings = ["ref.python"]
