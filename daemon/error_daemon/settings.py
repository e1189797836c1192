"""Every setting of /etc/recovery.conf: its meaning, unit, default, and why that default. Values are plain data.

definitions/configuration.py reads the file; `etc/recovery.conf` is the same list as people see it (a test compares them).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from error_daemon.setting_values import (
    DscpName,
    Duration,
    EndpointText,
    Network,
    PublicUrl,
    SyslogText,
    SyslogTexts,
    Texts,
)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RingSettings(_Section):
    slot_bytes: int = Field(default=2048, ge=1536, le=65536, multiple_of=8)
    """Bytes of one slot, its header included. 2 KiB holds a fault with a usual stack trace; longer traces are shortened."""
    critical_slots: int = Field(default=1024, ge=1, le=1 << 20)
    high_slots: int = Field(default=4096, ge=1, le=1 << 20)
    normal_slots: int = Field(default=8192, ge=1, le=1 << 20)
    low_slots: int = Field(default=4096, ge=1, le=1 << 20)
    """Slots by priority: how many different errors of it may be in the works at once. 17,408 slots of 2 KiB are 34 MiB of disk."""
    durability: Literal["process", "power"] = "process"
    """What an acknowledged fault survives. "process": kill -9 of the daemon, at no cost. "power": loss of power too, by one
    fdatasync for each group of faults before they are acknowledged."""


class RpcSettings(_Section):
    server: Literal["wire", "grpcio"] = "wire"
    """What serves gRPC. "wire": the daemon's own server, at a fifth of the CPU for a call, or less. "grpcio": grpc.aio, with the same
    services; the limits below are then its own."""
    connections: int = Field(default=1024, ge=1, le=60_000)
    """Peers at once. Each costs some 20 KiB and a file descriptor. Beyond it, whoever was idle for longest makes place."""
    calls: int = Field(default=256, ge=1, le=65_536)
    """Calls at once on one connection: each may hold a message."""
    unfinished_bytes: int = Field(default=128 << 20, ge=1 << 20, le=1 << 40)
    """Memory for what peers have sent and is not done with, and for answers that they do not take, of all peers together. One peer may
    have an eighth of it for each: beyond it, its calls are refused with RESOURCE_EXHAUSTED, or it is sent away. Beyond the whole, the peer
    that holds most is sent away."""
    request_timeout: Annotated[Duration, Field(gt=0)] = 60.0
    """A frame, or a request of one message, that is not whole by then is given up, and so is an answer that is not taken: peers that send a
    byte a minute hold memory."""
    idle_ping: Annotated[Duration, Field(gt=0)] = 60.0
    """A peer that has said nothing for so long is asked whether it is there."""
    peer_timeout: Annotated[Duration, Field(gt=0)] = 20.0
    """A peer that does not answer, or does not read what it is sent, for so long is gone."""
    nuisances_per_s: int = Field(default=100, ge=1, le=1_000_000)
    """Frames of one peer that are allowed and bring nothing (resets, pings, settings, empty ones, tiny pieces); ten times as many at once.
    A peer that goes on is sent away."""


class HttpSettings(_Section):
    listen: str = "127.0.0.1:8089"
    """Where HTTP is served, for who does not speak gRPC: host:port, or unix:/path. Empty: nowhere. What others can reach is encrypted with
    [tls], and callers are known as for gRPC; what only this host can reach is in clear. Where it cannot be listened on, recoveries go on
    without, and it is tried again."""
    connections: int = Field(default=512, ge=1, le=60_000)
    """Connections at once. Beyond it, whoever was idle for longest makes place."""
    requests: int = Field(default=64, ge=1, le=10_000)
    """Requests that are read at once, and of each kind as many that are answered at once. Whoever comes beyond it is told to come back, in
    a way that its kind of sender understands."""
    unfinished_bytes: int = Field(default=64 << 20, ge=1 << 20, le=1 << 40)
    """Memory for what is read and not whole yet, of all requests together."""
    request_timeout: Annotated[Duration, Field(gt=0)] = 30.0
    """A request that is not whole by then is given up."""
    names: Texts = ()
    """Names under which the API and the dashboard may be asked, beside localhost and IP addresses: those of this host, or of a proxy before
    it. Without that a page of the web could have its own name lead here, and ask as if it had come from here."""
    streams: int = Field(default=64, ge=1, le=10_000)
    """Streams of events at once: each open dashboard has one."""
    public_url: PublicUrl = ""
    """Where people reach it, as in "https://recovery.example": what hooks send links to it. Empty: it names a command of error-cli only."""


class SyslogSettings(_Section):
    listen: SyslogTexts = ()
    """Where messages of syslog are taken: udp://host:port, tcp://host:port, tls://host:port, unix:/path. Empty: nowhere."""
    level: Literal["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] = "err"
    """Messages of this level and what is graver are faults; others are counted. "err": below it, programs tell how they are."""
    networks: list[Network] = []
    """Networks of which a sender is believed to be where it says, and may report, without a certificate. On this host everybody is."""


class StoreSettings(_Section):
    batch_interval: Duration = 0.1
    """How long rows are gathered before they are committed. One commit costs some 3 ms whatever its size."""
    batch_rows: int = Field(default=2000, ge=1, le=100_000)
    """Rows that make a batch go at once."""
    waiting_rows: int = Field(default=200_000, ge=1000, le=10_000_000)
    """Rows kept in memory while the store is not available. Above it no new tickets are opened (RESOURCE_EXHAUSTED)."""


class LearningSettings(_Section):
    half_life: Annotated[Duration, Field(gt=0)] = 30 * 86400.0
    """Age at which a past attempt counts half. A month: what is rarely tried should not be forgotten before it is tried again,
    and a service that changes suddenly is noticed without it."""
    seed: int = Field(default=1, ge=0)
    """Seed of the engine's own random generator, so that a run can be repeated."""


class BrakeSettings(_Section):
    throttle: int = Field(default=250, ge=100, le=500)
    """Operations (attempts, and looks at a target before one) that may be begun in any one second, on the whole host. A tenth of them is
    kept for critical errors."""
    slow_start: Duration = 10.0
    """How long the throttle takes from a tenth back to its full rate after a brake has let go, so that what has waited is no stampede."""
    global_window: Annotated[Duration, Field(gt=0)] = 60.0
    """The time over which the global breaker takes the success rate."""
    global_success_ratio: float = Field(default=0.15, ge=0, le=1)
    """Below this success rate no new attempts are begun: recovery must not starve a host that it cannot help."""
    global_samples: int = Field(default=20, ge=1, le=10_000)
    """Attempts in the window without which the rate says nothing."""
    global_open: Annotated[Duration, Field(gt=0)] = 30.0
    """How long the global breaker stays open before one attempt at a time is let through to see; it doubles with each that fails,
    up to ten times this."""
    breaker_failures: int = Field(default=5, ge=1, le=1000)
    """Levels that failed on a target within breaker_window that open its breaker. Where enough is known of the target, the number
    follows from how often it usually fails."""
    breaker_window: Annotated[Duration, Field(gt=0)] = 30.0
    """See breaker_failures."""
    breaker_rolling_window: Annotated[Duration, Field(gt=0)] = 60.0
    """How long a target's outcomes count for its success rate."""
    breaker_open: Annotated[Duration, Field(gt=0)] = 30.0
    """How long a target's breaker stays open before it is half-open."""
    breaker_successes: int = Field(default=3, ge=1, le=100)
    """Recoveries in a row that close a half-open breaker."""
    flap_longest: Duration = 300.0
    """flap_threshold doubles with each relapse up to this; a stability window without a relapse sets it back."""


class LogSettings(_Section):
    level: Literal["DEBUG", "INFO", "RECOVERY", "USER_ACTION", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """What is logged: this and what is graver. LOG_LEVEL in the environment overrides it."""
    file: str = ""
    """JSON lines are appended here. Empty: recovery.log in the unit's log directory (LOGS_DIRECTORY, which systemd sets), and without
    one to standard error. "-": to standard error."""
    buffer_bytes: int = Field(default=256 << 10, ge=64 << 10, le=512 << 10)
    """Memory for lines that are not written yet. When it is full, new ones are lost and counted. 256 KiB are about a thousand lines."""
    flush_interval: Annotated[Duration, Field(ge=0.01, le=10.0)] = 0.25
    """How long a line waits in memory at most. Critical ones are written at once."""
    heartbeat: Annotated[Duration, Field(le=86400.0)] = 60.0
    """How often the line `heartbeat` says how the daemon is. 0s: never."""
    rotate_bytes: int = Field(default=64 << 20, ge=64 << 10, le=4 << 30)
    """Size at which the file is put aside and compressed."""
    keep_files: int = Field(default=14, ge=0, le=10_000)
    """Files that were put aside and are kept. With 14, and lines that compress to a tenth, all of it has some 150 MiB."""
    keep_for: Duration = 30 * 86400.0
    """Age at which a file that was put aside is deleted. 0s: never for its age."""
    journal: bool = False
    """Lines go to the systemd journal too, with their fields: `journalctl ER_ERROR_ID=...`."""
    syslog: SyslogText = ""
    """Lines go to this syslog server too (RFC 5424): udp://host:514, tcp://host:601, tls://host:6514 or unix:/dev/log. Empty: to none."""
    syslog_facility: Literal[
        "kern", "user", "mail", "daemon", "auth", "syslog", "cron", "authpriv",
        "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ] = "daemon"  # fmt: skip
    """The facility of what is sent there."""
    syslog_ca: str = ""
    """File with the authorities that may vouch for a tls:// server. Empty: those of the host."""
    syslog_certificate: str = ""
    """File with the certificate that is shown to a tls:// server that asks for one."""
    syslog_key: str = ""
    """File with the certificate's key. Empty: it is in the same file."""


class AuditSettings(_Section):
    rotate_bytes: int = Field(default=16 << 20, ge=64 << 10, le=1 << 30)
    """Size at which the audit's file is put aside and a new one begun; the chain goes on over all of them."""
    keep_files: int = Field(default=64, ge=1, le=100_000)
    """Files that were put aside and are kept. With 64 of 16 MiB the audit has 1 GiB at most: some two million entries."""
    keep_for: Duration = 0.0
    """Age at which a file that was put aside is deleted. 0s: never for its age. What is deleted leaves an entry with its hash."""
    head_interval: Annotated[Duration, Field(ge=1.0, le=86400.0)] = 300.0
    """How often the line `audit_head` tells where the chain has come to, if it has come on. Whoever keeps that line elsewhere can show
    later that nothing before it was cut off."""


class SensorSettings(_Section):
    enabled: bool = True
    """Whether the daemon looks at the host by itself. What is seen is a fault like any other: without a rule for it, it is recorded."""
    kernel_log: bool = True
    """Machine checks, OOM kills, errors of disks and file systems, hung tasks, from the kernel's log."""
    process_exits: bool = True
    """Crashes of processes that no target watches."""
    group_memory: bool = True
    """OOM kills and limits of the control groups of targets."""
    mounts: bool = True
    """File systems that become read-only or full."""
    links: bool = True
    """Network links that go down."""
    ignore_links: Texts = (
        "veth*",
        "docker*",
        "br-*",
        "virbr*",
        "vnet*",
        "cali*",
        "cni*",
        "tap*",
        "lxc*",
    )
    """Links, as globs, that are not looked at: those that come and go with containers and virtual machines."""
    early_deaths: bool = True
    """Whether the kernel is asked to tell when a process of a target begins to die, and not only when it is dead (eBPF)."""
    clock: bool = True
    """Whether the host's clock is synchronised, how far it is off, and whether somebody sets it."""
    sample_interval: Annotated[Duration, Field(ge=0.05, le=10.0)] = 0.1
    """How often counters are read. All of them take some 0.3 % of a core at 100 ms; one that is slow to read is read less often."""
    repeat: Annotated[Duration, Field(ge=1.0)] = 600.0
    """How often a state that lasts (a full disk) is reported again, so that nobody gives it up."""
    cpu_pressure: float = Field(default=0.95, ge=0, le=1)
    """Share of 2 s in which something waited for the CPU. High: a busy host is no broken one. 0: not looked at; so for the next."""
    memory_pressure: float = Field(default=0.2, ge=0, le=1)
    """Share of 2 s in which something waited for memory: a fifth of the work stands still while pages are fetched again."""
    io_pressure: float = Field(default=0.8, ge=0, le=1)
    """Share of 2 s in which something waited for I/O. High: a backup does that."""
    disk_full: float = Field(default=0.95, ge=0, le=1)
    """Used share of a file system's room above which it is full; left with a fiftieth more room. 0: not looked at."""
    inodes_full: float = Field(default=0.95, ge=0, le=1)
    """The same for its inodes."""
    iowait: float = Field(default=0.5, ge=0, le=1)
    """Share of all CPU time over 10 s in which CPUs had nothing to do but wait for I/O. 0: never reported; so for the next."""
    steal: float = Field(default=0.2, ge=0, le=1)
    """Share of all CPU time over 10 s that the hypervisor gave to others. A fifth: what took 4 s takes 5."""
    context_switches: int = Field(default=500_000, ge=0)
    """Changes from one process to another in a second, on average over 10 s. So many cost a large part of several cores."""
    softnet_drops: float = Field(default=1.0, ge=0)
    """Packets in a second, on average over 10 s, that were dropped because a CPU's queue was full. None should be."""
    softnet_squeezes: float = Field(default=100.0, ge=0)
    """Times in a second, on average over 10 s, that a CPU had more packets than it may take at a time."""
    critical_margin: float = Field(default=5.0, ge=0)
    """Degrees Celsius below its critical point at which a thermal zone is reported."""
    clock_offset: Annotated[Duration, Field(gt=0)] = 0.1
    """Offset of the clock above which it is off. 100 ms: well above what NTP keeps over the internet."""
    loop_late: Annotated[Duration, Field(ge=0.001, le=0.01)] = 0.01
    """The daemon's own event loop is late when it comes to its timer later than this, 1ms to 10ms."""
    loop_late_ratio: float = Field(default=0.1, gt=0, le=1)
    """Share of the samples of 10 s that must be late before it is reported: now and then every host keeps a process waiting."""


class JournalSettings(_Section):
    enabled: bool = True
    """Whether systemd's journal is followed: failures of units, processes killed for want of memory, core dumps. What it tells is a fault
    like any other: without a rule for it, it is recorded. Where it can't be read, a diagnosis says so, and nothing else."""


class TelemetrySettings(_Section):
    endpoint: EndpointText = ""
    """Where a collector of OpenTelemetry takes traces of recoveries and the daemon's metrics: http://host:4318, https://host:4318. Empty:
    they are not exported."""
    protocol: Literal["http/protobuf", "grpc"] = "http/protobuf"
    """What it speaks there. Collectors have gRPC on port 4317."""
    headers_file: str = ""
    """File of mode 600 with headers that are sent along, a line for each: name: value. For collectors that ask for a key. Empty: none."""
    ca: str = ""
    """PEM file with the authorities that may vouch for an https:// collector. Empty: those of the host."""
    trace_ratio: float = Field(default=1.0, ge=0, le=1)
    """Share of recoveries of which a trace is exported. Those of a fault that belongs to a sampled trace of its sender always are, unless
    it is 0: then there are no traces."""
    metrics_interval: Annotated[Duration, Field(le=86400.0)] = 60.0
    """How often metrics are exported. 0s: never."""


class TlsSettings(_Section):
    certificate: str = ""
    """PEM file with the certificate that the daemon shows, and those between it and its authority. Empty: nothing is encrypted."""
    key: str = ""
    """PEM file with the certificate's key, of mode 600. Empty: it is in the same file."""
    client_ca: str = ""
    """PEM file with the authorities that vouch for who calls. Every caller must then show a certificate of theirs. Empty: none is asked
    for, and callers show a token."""
    min_version: Literal["1.2", "1.3"] = "1.2"
    """The oldest TLS that is spoken. 1.2 with the ciphers that gRPC allows has no known weakness, and older clients have no 1.3."""
    longest_connection: Annotated[Duration, Field(ge=1.0, le=30 * 86400.0)] = 3600.0
    """After this time a client is asked to connect again, and to show its certificate anew: how long one that was withdrawn is of use at
    most. An hour: a handshake costs a millisecond."""


class CertificateRoles(_Section):
    reporter: list[str] = []
    """Names of certificates that may report faults. A name is a DNS name, address, e-mail, URI or common name in it; * is anything."""
    application: list[str] = []
    """Those that may report, and offer recovery handlers of their own, which recoveries then run."""
    auditor: list[str] = []
    """Those that may see everything, and change nothing."""
    operator: list[str] = []
    """Those that may do everything."""


class UserRoles(_Section):
    reporter: list[str] = []
    """Users of this host, by name or number, that have this role on the unix socket, and not that of unix_socket."""
    application: list[str] = []
    """Likewise."""
    auditor: list[str] = []
    """Likewise."""
    operator: list[str] = []
    """Likewise."""


class AccessSettings(_Section):
    loopback: Literal["operator", "auditor", "application", "reporter", "none"] = "operator"
    """The role of who connects from this host over TCP that is not encrypted: any user of this host. On a host whose users do not trust
    each other: "reporter", with tokens for operators, or a unix socket."""
    unix_socket: Literal["operator", "auditor", "application", "reporter", "none"] = "operator"
    """The role of who may open the unix socket: its user and group (mode 0660)."""
    tokens: str = ""
    """File of mode 600 with who has which token, a line for each: name:role:hash, as `error_daemon --new-token NAME ROLE` prints it.
    Empty: there are none."""
    signing_tokens: str = ""
    """File of mode 600 with tokens themselves, one a line: those of senders that sign what they send (Grafana's webhooks) and so need not
    send them. Each is among `tokens`, too, which says whose it is. Empty: nobody signs."""
    certificates: CertificateRoles = CertificateRoles()
    users: UserRoles = UserRoles()
    allow: list[Network] = []
    """Networks from which calls are taken. Empty: from everywhere. This host may always."""
    believe_reporters: bool = False
    """Whether a fault that a reporter or application reports is acted on at once. Else its target is looked at first, and left alone where
    its probes see it well: otherwise whoever may report could have services restarted by telling lies. What operators and the daemon's own
    sensors report is always acted on at once."""
    faults_per_second: int = Field(default=2000, ge=0, le=10_000_000)
    """Faults that one caller may report in a second, on average; 0: any number. 2,000 different ones take a fifth of a core."""
    faults_burst: int = Field(default=10_000, ge=1, le=10_000_000)
    """Faults that it may report at once. 10,000 wait in the memory of one client while the daemon is away."""
    calls_per_second: int = Field(default=50, ge=0, le=1_000_000)
    """Other calls of one caller in a second, on average, and four times as many at once; 0: any number. People make a few."""


class Settings(_Section):
    listen: str = "127.0.0.1:50051"
    """Where gRPC is served: host:port, or unix:/path. An address that others can reach needs [tls], and certificates or tokens."""
    dscp: DscpName = ""
    """How the traffic of recoveries (what the daemon serves, and the connections of its probes and strategies) is marked for the network.
    Empty: not at all, because what a mark does is for the network to say. "CS2" is what RFC 4594 has for operation and management."""
    state_dir: str = "/var/lib/error-recovery"
    """Where the ring and the store live. Must be on a local disk."""
    definitions_dir: str = "/etc/recovery/definitions"
    """Directory of the *.yaml files with targets, rules, strategies and probes."""
    worker_threads: int = Field(default=0, ge=0, le=256)
    """Worker processes. 0: the number of CPU cores plus two, so that some wait on I/O while others compute."""
    realtime_priority: int = Field(default=0, ge=0, le=99)
    """Real-time priority (SCHED_FIFO) of the daemon's loop and of its workers, from 1 to 99; 0: none. What they start is ordinary. On a
    host whose CPU is busy recoveries begin as soon as on an idle one; but then they come before everything else, so it is for a person to
    say. 5 is above all that is ordinary, and below most of what is real-time by itself."""
    attempts_per_worker: int = Field(default=8, ge=1, le=256)
    """Attempts that one worker runs side by side. Above workers × this, tickets queue by priority and age."""
    flap_threshold: Duration = 5.0
    """An error that comes back within this time of its recovery is flapping: it is not recovered again before it has passed."""
    lag_threshold: Duration = 5.0
    """ERR_LAG_THRESHOLD_EXCEEDED is logged, with the measured lag, when it took longer than this from a fault's receipt to its verified
    recovery. 5 s: what an application-level recovery may take."""
    retry_failed_after: Duration = 600.0
    """An error whose ladder is exhausted, and that is reported again, is tried again this long after it failed. Never given up silently."""
    known_errors: int = Field(default=100_000, ge=100, le=10_000_000)
    """Errors kept in memory. The oldest that are done with are dropped beyond it; the record keeps all."""
    max_message_bytes: int = Field(default=4 << 20, ge=64 << 10, le=64 << 20)
    """Largest gRPC message accepted, and largest export of OpenTelemetry over HTTP. A batch of 1,024 faults of 2 KiB has 2 MiB."""
    drain_timeout: Duration = 10.0
    """How long SIGTERM waits for running attempts. What has not ended then is unknown, and probed at the next start."""
    rpc: RpcSettings = RpcSettings()
    http: HttpSettings = HttpSettings()
    syslog: SyslogSettings = SyslogSettings()
    ring: RingSettings = RingSettings()
    store: StoreSettings = StoreSettings()
    brakes: BrakeSettings = BrakeSettings()
    learning: LearningSettings = LearningSettings()
    log: LogSettings = LogSettings()
    audit: AuditSettings = AuditSettings()
    sensors: SensorSettings = SensorSettings()
    journal: JournalSettings = JournalSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    tls: TlsSettings = TlsSettings()
    access: AccessSettings = AccessSettings()
