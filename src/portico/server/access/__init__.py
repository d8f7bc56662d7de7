"""Who calls, and what they may do.

At the top stands what every request asks of memory (`authenticate`, `snapshot`, `people`, `policy`), and what the rooms
have in common. The rooms change what is kept; each knows those above it in this list:

- `audit`: who did what
- `tokens`; `members` of projects and organizations, and their roles
- `secrets`; `sign_in`: users, their passwords and sessions, external issuers
- `organizations` and their projects
- `host`: the first start, and its file of credentials
"""
