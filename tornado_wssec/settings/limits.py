"""How much of anything one peer may use."""

from dataclasses import dataclass

from .documented import Documented, KiB, MiB, default


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(Documented):
    """How much of anything one peer may use. Sizes in bytes, rates a second."""

    message_bytes: int = default(64 * KiB, "OWASP WebSocket cheat sheet; a larger one closes with 1009")
    frame_bytes: int = default(64 * KiB, "no frame needs more than a message may have")
    fragments: int = default(64, "half a million empty fragments cost bare Tornado 0.5 s")
    header_bytes: int = default(16 * KiB, "a token of 8 KiB, cookies, and room")
    header_lines: int = default(100, "of a request; Apache's and HAProxy's own default")
    body_bytes: int = default(64 * KiB, "of a plain request, such as a login; Tornado's own default is 100 MB")
    query_arguments: int = default(100, "in the URL of a handshake")
    subprotocols: int = default(32, "offered in a handshake")
    first_message_bytes: int = default(8 * KiB, "a token and its envelope, from somebody unknown")
    token_bytes: int = default(8 * KiB, "more is an attack on the parser")

    json_depth: int = default(32, "deeper than any reasonable schema; json recurses at 1,000")
    json_nodes: int = default(10_000, "bounds the work of validation")
    json_keys: int = default(1_000, "100,000 unknown keys cost marshmallow 260 ms")
    json_integer: int = default(2**53 - 1, "what a browser can hold exactly (RFC 8259 §6)")

    frames_per_second: float = default(50.0, "far above a person, far below a flood; control frames count")
    frames_burst: int = default(100, "two seconds' worth")
    bytes_per_second: float = default(256.0 * KiB, "few but huge messages pay too")
    bytes_burst: int = default(1 * MiB, "sixteen messages at the cap")
    identity_messages_per_second: float = default(200.0, "over all connections of one identity in this process")
    identity_messages_burst: int = default(200, "one second's worth")
    identity_sends_per_second: float = default(
        20_000.0,
        "what an identity publishes, times its listeners on all nodes: a seventh of what a core hands on (R11)",
    )
    identity_sends_burst: int = default(20_000, "one second's worth; a larger audience is reached, and paid off later")
    history_bytes: int = default(
        64 * MiB,
        "histories of all channels, without Redis, in memory; then the oldest go, and who resumes is told a gap",
    )
    error_budget: int = default(10, "errors before 4400: a client with a bug is told, a fuzzer is cut off")
    error_refill_seconds: float = default(6.0, "one error of the budget comes back every 6 s")
    rate_window_seconds: float = default(10.0, "over which refusals for rate are counted")
    rate_refusals_until_silence: int = default(20, "answers to a flood amplify it: then drop silently")
    rate_refusals_until_close: int = default(100, "sustained excess closes with 4429")

    connections_per_subject: int = default(5, "tabs and devices of one person, on all nodes (R068)")
    connections_per_address: int = default(100, "an office behind one address; IPv6 by /64")
    connections: int | None = default(None, "in all; None: min(10,000, 80 % of the descriptors)")
    memory_bytes: int | None = default(
        None, "of this process: from nine tenths on newcomers get 503; None: it is not looked at; Linux only"
    )
    pending_handshakes: int = default(1_000, "a hung authentication back end must not fill memory")
    pending_requests: int = default(1_000, "of a listener, without a whole request; then the oldest goes")
    pending_requests_per_address: int = default(100, "as connections; whoever opens more loses his oldest")
    attempts_per_second: float = default(50.0, "handshakes from one address, before any crypto")
    attempts_burst: int = default(200, "a reconnect storm of one office")
    failed_credentials: int = default(100, "per address in the window, then 429 with back-off (ASVS 2.2.1)")
    failed_credentials_window_seconds: float = default(600.0, "ten minutes")
    identity_attempts_per_second: float = default(1.0, "of one identity, once its credential is verified (R069)")
    identity_attempts_burst: int = default(60, "five tabs that reconnect a dozen times, and a minute to get it back")
    departures_per_second: float = default(
        500.0, "goodbyes while draining: 10,000 in 20 of 30 s; coming back they are a third of a core (P7)"
    )
    tracked_keys: int = default(65_536, "addresses or identities with a budget of their own; further ones share 1,024")
    audit_queue: int = default(10_000, "lines that wait for the disk: some seconds of a flood, 3 MiB")
    audit_piece_bytes: int = default(64 * MiB, "a file of the audit; some 200,000 lines, what an editor still opens")
    audit_folder_bytes: int = default(4096 * MiB, "all files of the audit; then the oldest go, and the chain says so")
    verified_tokens: int = default(
        10_000, "of each issuer, whose signature was good: one for each connection of a reconnect storm"
    )
    jwks_bytes: int = default(256 * KiB, "a key set of another issuer; Entra's has 40 KiB")
    jwks_waiting: int = default(
        100, "handshakes that wait for one fetch; further ones with unknown keys get 401 at once"
    )
    refusals_logged: int = default(20, "lines of a kind in the window; the rest is one line with its exact number")
    tickets_per_subject: int = default(10, "outstanding at once, on all nodes; a page needs one")
    hook_calls: int = default(32, "of `permissions=` and such at once: 10,000 connections share a database")
    subscriptions: int = default(100, "channels one connection may listen to")

    alert_burst_bytes: int = default(
        1 * MiB, "sent to one identity in 10 s: below it no burst is an alert; a large page with its history"
    )
    alert_hour_bytes: int = default(
        32 * MiB, "sent to one identity in an hour: below it no total is an alert; 9 KiB/s, what a busy page gets"
    )
    alert_messages: int = default(200, "of one identity in 10 s: below it no rate is an alert; a person sends ten")
    alert_failures: int = default(
        30, "failed credentials in a minute, ten times as many in an hour, below which there is no attack"
    )
    alert_refusals: int = default(60, "of one address in a minute, below which it is no alert; one a second")
    alert_connects: int = default(120, "connections of one address in a minute, below which it is no alert: an office")
    alert_reconnects: int = default(30, "connections of one identity in 5 minutes, below which it is no alert")
    alert_tracked: int = default(
        16_384, "identities, and addresses, whose habits are known: those of who is connected and who was; 20 MiB"
    )
    alert_queue: int = default(100, "alerts that wait for the hook or the webhook; then the oldest goes, counted")

    inbox_messages: int = default(32, "admitted and waiting for the handler; then reading pauses")
    outbound_bytes: int = default(1 * MiB, "as Centrifugo; a slow reader costs only itself")
    outbound_messages: int = default(256, "small messages that wait cost more than their bytes")
