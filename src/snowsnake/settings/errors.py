"""Errors in settings, in 2.34.8's words."""


class SettingError(Exception):
    """A value, a configuration file or a store's URL is wrong.

    `is_usage`: the fault is in what the user wrote, so that commands point at their help.
    """

    def __init__(self, message: str, *, is_usage: bool = True) -> None:
        super().__init__(message)
        self.is_usage = is_usage
