"""There is nothing to wait for here: the tests give the board no transport."""

POLLIN, POLLOUT = 1, 4
