"""Codes of failed sends that both the worker and the supervisor name."""

NEW_CHATS_RESTRICTED = "new_chats_restricted"
"""WhatsApp restricts the account for a while from writing to people who never wrote to it (server error 463)."""
