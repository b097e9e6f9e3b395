"""What each method is built with, keyword by keyword, for `help` and editors to show.

A method takes the fields of its `Settings` as keywords. The files here say so for each method in
its signature, and are written by scripts/method_keywords.py; `Method` is what takes them.
"""
