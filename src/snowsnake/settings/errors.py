"""What is wrong with a setting, raised with the words that 2.34.8 has for it."""


class SettingError(Exception):
    """A value, a configuration file or a store's address is wrong.

    `is_usage`: the fault is in what the user wrote, so that commands point at their help.
    """

    def __init__(self, message: str, *, is_usage: bool = True) -> None:
        super().__init__(message)
        self.is_usage = is_usage
