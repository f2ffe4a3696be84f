"""Tests, by floors; a package so that no installed `tests` is taken for it."""
