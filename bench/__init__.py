"""Measures firth beside gensim and fastText: ``make bench CORPUS=path`` or ``python -m bench --help``.

Every training runs in a process of its own, the programs in alternation;
what is quoted is the ratio of medians.
"""
