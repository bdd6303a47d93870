"""Long runs that try to break semspace: writers that are killed at random moments, again and again.

They take minutes to hours, so `make test` leaves them out: ``make torture`` (``ROUNDS=2000`` for more interruptions).
"""
