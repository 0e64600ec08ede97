"""Judges of what the reader writes: one module an exercise, over ``common``.

A judge calls the function with small examples, yields a sentence for each point that stands, and raises
:class:`~firth.lesson.judges.common.Wrong` at the first that does not. Known mistakes are recognised by the
answer they give: each is written down as that answer, beside the sentence that helps. The examples' ids
differ from their positions, their vectors in length, and nothing is symmetric by accident.
"""
