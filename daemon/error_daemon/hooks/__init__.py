"""Who is told of what happens: outgoing webhooks, chat, paging, mail, plug-ins."""
