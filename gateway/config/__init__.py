"""The configuration: one module a section, put together by `configuration.py`."""
