"""Mails with links: invitations and forgotten passwords. Sent only where SMTP is set."""
