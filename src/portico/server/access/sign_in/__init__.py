"""People sign in: users with their passwords and sessions, links that let them in, and external issuers.

`issuers.py` is loaded only where issuers are named.
"""

from portico.server.access.sign_in.sessions import SCOPE, SignIn, Visitor, caller_for

__all__ = ["SCOPE", "SignIn", "Visitor", "caller_for"]
