"""The kinds of hooks: which keys each has."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import Field

from error_daemon.definitions.shapes.entry import Entry
from error_daemon.definitions.shapes.fields import (
    FilledText,
    HookEvents,
    HookTypes,
    MailAddress,
    MailAddresses,
    Name,
    Options,
    PlainPath,
    PlainUrl,
    SeverityName,
    Text,
)
from error_daemon.definitions.shapes.patterns import Pattern
from error_daemon.model import Json
from error_daemon.model.hook import EventType
from error_daemon.setting_values import Duration

_FOR_PEOPLE: tuple[EventType, ...] = (
    "error.escalated",
    "error.cleared",
    "approval.asked",
    "approval.reminded",
    "workflow.asked",
)
_ANSWERED: tuple[EventType, ...] = ("approval.approved", "approval.denied", "approval.expired")
_FOR_PROGRAMS: tuple[EventType, ...] = (
    "error.opened",
    "error.escalated",
    "error.failed",
    "error.recovered",
    "error.resolved",
    "approval.asked",
    *_ANSWERED,
    "workflow.asked",
)
_PROXY = "http:// URL of a proxy to go through; absent: none, whatever the environment says."


class RetriesEntry(Entry):
    """When a delivery that failed is sent again: after base · factor^n up to cap, a fifth more or less at random."""

    attempts: int = Field(default=8, ge=1, le=100, description="How often it is sent at most; then it is given up.")
    base: Duration = Field(default=5.0, gt=0, description="Wait after the first failure.")
    factor: float = Field(default=6.0, ge=1, le=100, allow_inf_nan=False, description="Growth from one to the next.")
    cap: Duration = Field(default=43200.0, gt=0, description="No wait is longer than this.")


class _Hook(Entry):
    id: Name = Field(description="Its name: what error-cli calls it.")
    on: HookTypes = Field(default="*", description="Types of errors of which it is told; *: any.")
    events: HookEvents = Field(default=_FOR_PEOPLE, description="What it is told; *: everything.")
    min_severity: SeverityName | None = Field(default=None, description="Only of errors of at least this severity.")
    target: Pattern | None = Field(default=None, description="Only of errors of such targets.")
    timeout: Duration = Field(default=10.0, gt=0, le=300, description="How long one attempt may take.")
    retries: RetriesEntry = Field(default=RetriesEntry(), description="When what failed is sent again.")
    burst: int = Field(default=5, ge=1, le=10_000, description="Messages that may go at once.")
    every: Duration = Field(
        default=10.0,
        gt=0,
        description="One more may go each time this has passed; what waits meanwhile goes as one digest.",
    )

    @property
    def secret(self) -> str:
        """Its file with a secret; empty where it has none."""
        return getattr(self, "secret_file", None) or ""

    @abstractmethod
    def params(self) -> dict[str, Json]:
        """What its sender needs."""


class WebhookHook(_Hook):
    """Any HTTP receiver: the event as JSON."""

    kind: Literal["webhook"] = Field(description="Send a POST with the event as JSON, by Standard Webhooks.")
    url: PlainUrl = Field(description="http:// or https:// URL that is sent a POST.")
    secret_file: PlainPath | None = Field(
        default=None,
        description="File with the keys that sign what is sent, one a line; nobody else may read it (mode 600).",
    )
    proxy: PlainUrl | None = Field(default=None, description=_PROXY)
    events: HookEvents = Field(default=_FOR_PROGRAMS, description="What it is told; *: everything.")
    burst: int = Field(default=100, ge=1, le=10_000, description="Messages that may go at once.")
    every: Duration = Field(
        default=0.1,
        gt=0,
        description="One more may go each time this has passed; what waits meanwhile goes as one digest.",
    )

    def params(self) -> dict[str, Json]:
        return {"url": self.url, "proxy": self.proxy}


class SlackHook(_Hook):
    """A channel of Slack, or of what takes the same messages (Mattermost, Rocket.Chat)."""

    kind: Literal["slack"] = Field(description="Write into a channel, by an incoming webhook.")
    events: HookEvents = Field(default=(*_FOR_PEOPLE, *_ANSWERED), description="What it is told; *: everything.")
    secret_file: PlainPath = Field(
        description="File with the URL of the incoming webhook, which is a secret; nobody else may read it (mode 600)."
    )
    proxy: PlainUrl | None = Field(default=None, description=_PROXY)

    def params(self) -> dict[str, Json]:
        return {"proxy": self.proxy}


class PagerDutyHook(_Hook):
    """A service of PagerDuty: an incident for each error, which ends when the error does."""

    kind: Literal["pagerduty"] = Field(description="Page somebody, by the Events API v2.")
    events: HookEvents = Field(
        default=(*_FOR_PEOPLE, "approval.approved", "approval.denied"), description="What it is told; *: everything."
    )
    secret_file: PlainPath = Field(description="File with the integration key; nobody else may read it (mode 600).")
    url: PlainUrl = Field(
        default="https://events.pagerduty.com/v2/enqueue",
        description="Where events are sent; https://events.eu.pagerduty.com/v2/enqueue for its European region.",
    )
    proxy: PlainUrl | None = Field(default=None, description=_PROXY)
    burst: int = Field(default=30, ge=1, le=10_000, description="Messages that may go at once.")
    every: Duration = Field(
        default=2.0,
        gt=0,
        description="One more may go each time this has passed; what waits meanwhile goes as one digest.",
    )

    def params(self) -> dict[str, Json]:
        return {"url": self.url, "proxy": self.proxy}


class EmailHook(_Hook):
    """Mail in plain text, a thread for each error."""

    kind: Literal["email"] = Field(description="Send mail.")
    server: FilledText = Field(description="Name or address of the SMTP server.")
    port: int = Field(
        default=587, ge=1, le=65535, description="Its port: 587 with starttls, 465 with tls, 25 with none."
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection is encrypted; none only for a server on this host."
    )
    ca_file: PlainPath | None = Field(
        default=None, description="Certificates that vouch for the server; absent: those of the host."
    )
    user: Text = Field(default="", description="Name to log in with; absent: the address in from.")
    secret_file: PlainPath | None = Field(
        default=None, description="File with the password; nobody else may read it (mode 600). Absent: no login."
    )
    from_: MailAddress = Field(alias="from", description="Address of the sender.")
    to: MailAddresses = Field(description="Addresses that it goes to.")
    every: Duration = Field(
        default=60.0,
        gt=0,
        description="One more may go each time this has passed; what waits meanwhile goes as one digest.",
    )
    timeout: Duration = Field(default=30.0, gt=0, le=300, description="How long one attempt may take.")

    def params(self) -> dict[str, Json]:
        server = {"server": self.server, "port": self.port, "tls": self.tls, "ca_file": self.ca_file}
        return {**server, "user": self.user, "from": self.from_, "to": self.to}


class PluginHook(_Hook):
    """A function or class of your own, in the daemon's process."""

    kind: Literal["plugin"] = Field(description="Call an entry point of the group error_recovery.hooks.")
    plugin: FilledText = Field(description="Name of the entry point.")
    options: Options = Field(default={}, description="Keyword arguments for a class, as texts.")
    events: HookEvents = Field(default="*", description="What it is told; *: everything.")
    retries: RetriesEntry = Field(default=RetriesEntry(attempts=1), description="When what failed is called again.")
    burst: int = Field(default=1000, ge=1, le=10_000, description="Events that may go at once.")
    every: Duration = Field(
        default=0.01,
        gt=0,
        description="One more may go each time this has passed; what waits meanwhile goes as one digest.",
    )

    def params(self) -> dict[str, Json]:
        return {"plugin": self.plugin, "options": self.options}


HookEntry = Annotated[WebhookHook | SlackHook | PagerDutyHook | EmailHook | PluginHook, Field(discriminator="kind")]
