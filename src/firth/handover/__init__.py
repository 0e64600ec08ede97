"""Trained vectors in the objects of other libraries: one function for each, and nothing imported before."""
