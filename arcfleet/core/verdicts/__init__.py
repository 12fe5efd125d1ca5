"""The verdict rules: facts in, one Finding out; first match wins.

`extension` holds the E rules, `registry` the C rules, `sync` the S rules, `pods` the P rules. States are compared
without regard to case. A state that nobody described is `unknown` and keeps waiting until the deadline; it never
crashes a run.
"""
