"""Pages for people; `python -m docs.build` fills their tables from result files."""
