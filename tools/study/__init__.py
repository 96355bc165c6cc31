"""One comparison of every method: tables, statistics, figures, a page."""
