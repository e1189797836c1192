"""Makes what sends for a hook. What a kind needs is loaded here: a daemon without such a hook does without it."""

from __future__ import annotations

from error_daemon.hooks.sending import ReadSecret, Sender
from error_daemon.model.hook import Hook


def made_sender(hook: Hook, read_secret: ReadSecret) -> Sender:
    if hook.kind == "plugin":
        from error_daemon.hooks.senders.plugin import PluginSender

        return PluginSender(hook)
    if hook.kind == "email":
        from error_daemon.hooks.senders.email import EmailSender

        return EmailSender(hook, read_secret)
    from error_daemon.hooks.senders import pagerduty, slack, webhook
    from error_daemon.hooks.senders.http import HttpSender

    ways = {"webhook": webhook.WAY, "slack": slack.WAY, "pagerduty": pagerduty.WAY}
    return HttpSender(hook, ways[hook.kind], read_secret)
