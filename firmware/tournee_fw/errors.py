"""The one exception that crosses rooms: why a request could not be done, as a link status."""


class Refused(Exception):
    """`args[0]` is a `_link.STATUS_*`; never carries a text, so nothing of a card or a person can leak by it."""

    @property
    def status(self):
        return self.args[0]
