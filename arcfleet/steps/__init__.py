"""The steps of a site, one module each: they order the ports' calls and let `core` decide. No Prefect, no SDK.

`tasks/` wraps each of them; so the steps run in a test, a script or a notebook as they do in a flow.
"""
