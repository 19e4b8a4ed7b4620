// Made by `wssec schemas export --format typescript`. Do not edit: make it anew.
// What a type cannot say (lengths, ranges, patterns) stands beside it; the server checks it all.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What is offered at one price. */
export interface Depth {
  /** pattern: "^-?(?:0(?:\\.[0-9]{1,6})?|(?=(?:[0-9]\\.?){1,16}$)[1-9][0-9]*(?:\\.[0-9]{1,6})?)$", format: "decimal" */
  price: string;
  /** minimum: 1, maximum: 1000000000 */
  quantity: number;
}

/** A place on the board, in its own units. */
export interface Point {
  /** minimum: -100000, maximum: 100000 */
  x: number;
  /** minimum: -100000, maximum: 100000 */
  y: number;
}

/** Where a device is: latitude and longitude in degrees, and how sure it is of that, in metres. */
export interface Position {
  /** minItems: 2, maxItems: 2 */
  at: [number, number];
  /** minimum: 0, maximum: 100000, default: null */
  within?: number | null;
}

/** One value of one sensor. */
export interface Reading {
  /** pattern: "^[a-z][a-z0-9_]{0,31}$" */
  sensor: string;
  /** minimum: -1000000000000.0, maximum: 1000000000000.0 */
  value: number;
  /** maxLength: 16, default: "" */
  unit?: string;
}

/** One value of one sensor. */
export interface Reading2 {
  /** pattern: "^[a-z][a-z0-9_]{0,31}$" */
  sensor: string;
  /** minimum: -1000000000000.0, maximum: 1000000000000.0 */
  value: number;
  /** maxLength: 16 */
  unit?: string;
}

/** A value at a moment; None where nothing was measured. */
export interface Sample {
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
  /** minimum: -1000000000000000.0, maximum: 1000000000000000.0 */
  value: number | null;
}

/** One line of a chart. */
export interface Series {
  /** pattern: "^[a-z][a-z0-9_]{0,63}$" */
  metric: string;
  /** maxProperties: 8 */
  labels?: Record<string, string>;
  /** maxItems: 120 */
  samples: Array<Sample>;
}

/** How a stroke looks. */
export interface Style {
  /** minimum: 1, maximum: 64 */
  width: number;
  /** minimum: 0, maximum: 1, default: 1.0 */
  opacity?: number;
  /** default: "solid" */
  dash?: "solid" | "dashed" | "dotted";
}

/** How a stroke looks. */
export interface Style2 {
  /** minimum: 1, maximum: 64 */
  width: number;
  /** minimum: 0, maximum: 1 */
  opacity?: number;
  dash?: "solid" | "dashed" | "dotted";
}

export interface ChatSendData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 2000 */
  text: string;
}

/** Post one line to a room. */
export interface ChatSend {
  type: "chat.send";
  /** maxLength: 64 */
  id?: string;
  data: ChatSendData;
}

export interface ChatPostedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** maxLength: 2000 */
  text: string;
  /** maxLength: 128 */
  author: string;
}

/** A line has appeared in a room. */
export interface ChatPosted {
  type: "chat.posted";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: ChatPostedData;
}

export interface DashboardAskData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  tenant?: string;
  /** pattern: "^[a-z0-9-]{1,64}$" */
  dashboard: string;
  /** minItems: 1, maxItems: 16 */
  metrics: Array<string>;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  since: string;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time", default: null */
  until?: string | null;
  /** default: "1m" */
  step?: "10s" | "1m" | "1h" | "1d";
  /** minimum: 1, maximum: 1000, default: 120 */
  most?: number;
}

/** Ask for the figures of a span of time; the tenant is that of the token, whatever the client writes. */
export interface DashboardAsk {
  type: "dashboard.ask";
  /** maxLength: 64 */
  id?: string;
  data: DashboardAskData;
}

export interface DashboardWatchData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  tenant?: string;
  /** pattern: "^[a-z0-9-]{1,64}$" */
  dashboard: string;
  /** minItems: 1, maxItems: 16 */
  metrics: Array<string>;
  /** default: "10s" */
  step?: "10s" | "1m" | "1h" | "1d";
  /** default: false */
  compare?: boolean;
}

/** Say which figures to push, and how often at most. */
export interface DashboardWatch {
  type: "dashboard.watch";
  /** maxLength: 64 */
  id?: string;
  data: DashboardWatchData;
}

export interface DashboardFiguresData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  tenant: string;
  /** pattern: "^[a-z0-9-]{1,64}$" */
  dashboard: string;
  /** minimum: 0 */
  revision: number;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$", format: "date" */
  day: string;
  /** maxItems: 16 */
  series: Array<Series>;
}

/** The newest figures of a dashboard. What a slow reader has missed is old, so it gets the newest alone. */
export interface DashboardFigures {
  type: "dashboard.figures";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: DashboardFiguresData;
}

export interface DashboardAlarmData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  tenant: string;
  /** pattern: "^[a-z][a-z0-9_]{0,63}$" */
  metric: string;
  severity: "info" | "warning" | "critical";
  /** minimum: -1000000000000000.0, maximum: 1000000000000000.0 */
  value: number;
  /** minimum: -1000000000000000.0, maximum: 1000000000000000.0 */
  threshold: number;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
}

/** A figure has left the range that somebody set for it. */
export interface DashboardAlarm {
  type: "dashboard.alarm";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: DashboardAlarmData;
}

export interface DeviceTelemetryData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device?: string;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
  /** minItems: 1, maxItems: 64 */
  readings: Array<Reading>;
  /** default: null */
  position?: Position | null;
  /** default: "OK" */
  health?: "OK" | "WARN" | "FAIL";
  /** minimum: 0.0, maximum: 864000000.0, x-wssec-unit: "seconds" */
  upFor?: number;
  /** default: null */
  address?: string | null;
}

/** What a device has measured. A device speaks for itself alone. */
export interface DeviceTelemetry {
  type: "device.telemetry";
  /** maxLength: 64 */
  id?: string;
  data: DeviceTelemetryData;
}

export interface DeviceCommandData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  command: string;
  action: "reboot" | "locate" | "lock" | "unlock" | "set";
  /** maxProperties: 16, default: {} */
  settings?: Record<string, number>;
  /** minimum: 1, maximum: 300, default: 10 */
  waitSeconds?: number;
}

/** Have a device do something; only its owner may. */
export interface DeviceCommand {
  type: "device.command";
  /** maxLength: 64 */
  id?: string;
  data: DeviceCommandData;
}

export interface DeviceAcknowledgeData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device?: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  command: string;
  done: boolean;
  /** maxLength: 200, default: "" */
  why?: string;
}

/** A device has done what it was told, or says why not. */
export interface DeviceAcknowledge {
  type: "device.acknowledge";
  /** maxLength: 64 */
  id?: string;
  data: DeviceAcknowledgeData;
}

export interface DeviceMineData {
}

/** Tell me of my devices. */
export interface DeviceMine {
  type: "device.mine";
  /** maxLength: 64 */
  id?: string;
  data?: DeviceMineData;
}

export interface DeviceEnrolData {
  kind: "lamp" | "thermostat";
  /** minLength: 1, maxLength: 40 */
  label: string;
}

/** Take a new device into one's house. The reply has its key, which nobody is ever shown again. */
export interface DeviceEnrol {
  type: "device.enrol";
  /** maxLength: 64 */
  id?: string;
  data: DeviceEnrolData;
}

export interface DeviceRemoveData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device: string;
}

/** Take a device out of the house: it is revoked wherever it is, and its key with it. */
export interface DeviceRemove {
  type: "device.remove";
  /** maxLength: 64 */
  id?: string;
  data: DeviceRemoveData;
}

export interface DeviceOrderedData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  command: string;
  action: "reboot" | "locate" | "lock" | "unlock" | "set";
  /** maxProperties: 16 */
  settings: Record<string, number>;
}

/** What a device is to do. */
export interface DeviceOrdered {
  type: "device.ordered";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: DeviceOrderedData;
}

export interface DeviceReportedData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device: string;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
  /** minItems: 1, maxItems: 64 */
  readings: Array<Reading2>;
  health: "OK" | "WARN" | "FAIL";
}

/** What a device has measured, for those who may watch it. Only the newest matters to a slow reader. */
export interface DeviceReported {
  type: "device.reported";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: DeviceReportedData;
}

export interface DeviceSeenData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device: string;
  online: boolean;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
}

/** A device has come or gone. */
export interface DeviceSeen {
  type: "device.seen";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: DeviceSeenData;
}

export interface DeviceAcknowledgedData {
  /** pattern: "^[a-z0-9-]{4,40}$" */
  device: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  command: string;
  done: boolean;
  /** maxLength: 200 */
  why: string;
}

/** What became of a command. */
export interface DeviceAcknowledged {
  type: "device.acknowledged";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: DeviceAcknowledgedData;
}

export interface MarketQuoteData {
  /** pattern: "^[a-z][a-z0-9-]{0,15}$" */
  symbol: string;
  /** pattern: "^-?(?:0(?:\\.[0-9]{1,6})?|(?=(?:[0-9]\\.?){1,16}$)[1-9][0-9]*(?:\\.[0-9]{1,6})?)$", format: "decimal" */
  bid: string | null;
  /** pattern: "^-?(?:0(?:\\.[0-9]{1,6})?|(?=(?:[0-9]\\.?){1,16}$)[1-9][0-9]*(?:\\.[0-9]{1,6})?)$", format: "decimal" */
  ask: string | null;
  /** maxItems: 10 */
  bids?: Array<Depth>;
  /** maxItems: 10 */
  asks?: Array<Depth>;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
}

/** What a symbol costs now. A slow reader gets the newest of each symbol, not all of them. */
export interface MarketQuote {
  type: "market.quote";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: MarketQuoteData;
}

export interface OrderPlaceData {
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  order: string;
  /** pattern: "^[a-z0-9]{4,16}$" */
  account: string;
  /** pattern: "^[a-z][a-z0-9-]{0,15}$" */
  symbol: string;
  side: "buy" | "sell";
  /** minimum: 1, maximum: 1000000 */
  quantity: number;
  /** pattern: "^-?(?:0(?:\\.[0-9]{1,6})?|(?=(?:[0-9]\\.?){1,16}$)[1-9][0-9]*(?:\\.[0-9]{1,6})?)$", format: "decimal", minimum: -9007199254740991, maximum: 9007199254740991, default: null */
  limit?: string | number | null;
  /** default: "day" */
  timeInForce?: "day" | "gtc" | "ioc" | "fok";
  /** default: false */
  reduceOnly?: boolean;
}

/** Buy or sell. It is signed with the client's own key, so that nobody on the way can have written it. */
export interface OrderPlace {
  type: "order.place";
  /** maxLength: 64 */
  id?: string;
  data: OrderPlaceData;
}

export interface OrderCancelData {
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  order: string;
  /** pattern: "^[a-z0-9]{4,16}$" */
  account: string;
}

/** Take an order back. */
export interface OrderCancel {
  type: "order.cancel";
  /** maxLength: 64 */
  id?: string;
  data: OrderCancelData;
}

export interface OrderChangedData {
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  order: string;
  /** pattern: "^[a-z0-9]{4,16}$" */
  account: string;
  /** pattern: "^[a-z][a-z0-9-]{0,15}$" */
  symbol: string;
  side: "buy" | "sell";
  /** minimum: 1, maximum: 1000000 */
  quantity: number;
  /** pattern: "^-?(?:0(?:\\.[0-9]{1,6})?|(?=(?:[0-9]\\.?){1,16}$)[1-9][0-9]*(?:\\.[0-9]{1,6})?)$", format: "decimal" */
  limit: string | null;
  state: "open" | "filled" | "cancelled" | "refused";
  /** minimum: 0, maximum: 1000000 */
  filled: number;
  /** pattern: "^-?(?:0(?:\\.[0-9]{1,6})?|(?=(?:[0-9]\\.?){1,16}$)[1-9][0-9]*(?:\\.[0-9]{1,6})?)$", format: "decimal" */
  average: string | null;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
}

/** What became of an order; only its account hears of it. */
export interface OrderChanged {
  type: "order.changed";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: OrderChangedData;
}

export interface ModerationActData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 128 */
  subject: string;
  measure: "mute" | "ban" | "kick";
  /** minimum: 1, maximum: 2592000 */
  seconds?: number;
  /** maxLength: 500, default: "" */
  reason?: string;
}

/** Mute, ban or kick somebody. Without `seconds` it holds until it is undone. */
export interface ModerationAct {
  type: "moderation.act";
  /** maxLength: 64 */
  id?: string;
  data: ModerationActData;
}

export interface ModerationPardonData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 128 */
  subject: string;
  measure: "mute" | "ban" | "kick";
}

/** Take a mute or a ban back. */
export interface ModerationPardon {
  type: "moderation.pardon";
  /** maxLength: 64 */
  id?: string;
  data: ModerationPardonData;
}

export interface ModerationLookData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
}

/** Tell me what is in force in a room, whoever decided it, and from where. */
export interface ModerationLook {
  type: "moderation.look";
  /** maxLength: 64 */
  id?: string;
  data: ModerationLookData;
}

export interface ModerationSlowData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minimum: 0, maximum: 3600 */
  seconds: number;
}

/** Let everybody in a room write once in so many seconds; 0 ends it. */
export interface ModerationSlow {
  type: "moderation.slow";
  /** maxLength: 64 */
  id?: string;
  data: ModerationSlowData;
}

export interface ModerationRemoveData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minItems: 1, maxItems: 50 */
  lines: Array<string>;
}

/** Take lines out of a room. */
export interface ModerationRemove {
  type: "moderation.remove";
  /** maxLength: 64 */
  id?: string;
  data: ModerationRemoveData;
}

export interface ModerationReportData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 128 */
  reporter?: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  line: string;
  what: "spam" | "abuse" | "illegal" | "other";
  /** maxLength: 1000, default: null */
  remark?: string | null;
}

/** Tell the moderators of a line. */
export interface ModerationReport {
  type: "moderation.report";
  /** maxLength: 64 */
  id?: string;
  data: ModerationReportData;
}

export interface ModerationActedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 128 */
  subject: string;
  measure: "mute" | "ban" | "kick";
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  until: string | null;
}

/** Something was done to somebody. The reason is for moderators alone and is not in it. */
export interface ModerationActed {
  type: "moderation.acted";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: ModerationActedData;
}

export interface ModerationPardonedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 128 */
  subject: string;
  measure: "mute" | "ban" | "kick";
}

/** A mute or a ban was taken back. */
export interface ModerationPardoned {
  type: "moderation.pardoned";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: ModerationPardonedData;
}

export interface ModerationSlowedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minimum: 0, maximum: 3600 */
  seconds: number;
}

/** Everybody may write once in so many seconds; 0: as fast as otherwise. */
export interface ModerationSlowed {
  type: "moderation.slowed";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: ModerationSlowedData;
}

export interface ModerationRemovedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minItems: 1, maxItems: 50 */
  lines: Array<string>;
}

/** Lines are gone; clients take them from the screen. */
export interface ModerationRemoved {
  type: "moderation.removed";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: ModerationRemovedData;
}

export interface SupportListData {
}

/** Tell me of the cases that I may read. */
export interface SupportList {
  type: "support.list";
  /** maxLength: 64 */
  id?: string;
  data?: SupportListData;
}

export interface SupportOpenData {
  /** minLength: 1, maxLength: 120 */
  subject: string;
}

/** Open a case. The server names it; nobody else can, and nobody can guess the name. */
export interface SupportOpen {
  type: "support.open";
  /** maxLength: 64 */
  id?: string;
  data: SupportOpenData;
}

export interface SupportSayData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 2000 */
  text: string;
}

/** Write one line in a case: text, which is never markup. */
export interface SupportSay {
  type: "support.say";
  /** maxLength: 64 */
  id?: string;
  data: SupportSayData;
}

export interface SupportAnswerData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** maxLength: 8000 */
  html: string;
}

/** Answer a case, with marks, lists and links; what else is in it is taken out before anybody sees it. */
export interface SupportAnswer {
  type: "support.answer";
  /** maxLength: 64 */
  id?: string;
  data: SupportAnswerData;
}

export interface SupportResolveData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
}

/** Put a case aside until somebody writes in it again. */
export interface SupportResolve {
  type: "support.resolve";
  /** maxLength: 64 */
  id?: string;
  data: SupportResolveData;
}

export interface SupportSaidData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  line: string;
  /** minLength: 1, maxLength: 128 */
  author: string;
  /** minLength: 1, maxLength: 2000 */
  text: string;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
}

/** Somebody has written a line. */
export interface SupportSaid {
  type: "support.said";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: SupportSaidData;
}

export interface SupportAnsweredData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  line: string;
  /** minLength: 1, maxLength: 128 */
  author: string;
  /** maxLength: 8000 */
  html: string;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
}

/** Somebody of the staff has answered; the HTML is clean, and is cleaned once more on its way out. */
export interface SupportAnswered {
  type: "support.answered";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: SupportAnsweredData;
}

export interface SupportChangedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  room: string;
  /** minLength: 1, maxLength: 128 */
  customer: string;
  /** minLength: 1, maxLength: 120 */
  subject: string;
  state: "waiting" | "answered" | "reported" | "resolved";
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  at: string;
}

/** A case is new, or something has happened in it; for the staff. */
export interface SupportChanged {
  type: "support.changed";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: SupportChangedData;
}

export interface BoardDrawData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  stroke: string;
  shape: "freehand" | "line" | "rectangle" | "ellipse" | "arrow";
  /** minItems: 1, maxItems: 200 */
  points: Array<Point>;
  /** pattern: "^#[0-9a-f]{6}$" */
  color: string;
  style: Style;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  drawn_at: string;
  /** maxItems: 8, default: [] */
  tags?: Array<string>;
}

/** Draw one stroke on a board. */
export interface BoardDraw {
  type: "board.draw";
  /** maxLength: 64 */
  id?: string;
  data: BoardDrawData;
}

export interface BoardDrawnData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  stroke: string;
  shape: "freehand" | "line" | "rectangle" | "ellipse" | "arrow";
  /** minItems: 1, maxItems: 200 */
  points: Array<Point>;
  /** pattern: "^#[0-9a-f]{6}$" */
  color: string;
  style: Style2;
  /** pattern: "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$", format: "date-time" */
  drawn_at: string;
  /** maxItems: 8 */
  tags?: Array<string>;
  /** minLength: 1, maxLength: 128 */
  author: string;
}

/** Somebody has drawn a stroke. */
export interface BoardDrawn {
  type: "board.drawn";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: BoardDrawnData;
}

export interface BoardUndoData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  stroke: string;
}

/** Take back a stroke of one's own. Whose it was need not be asked: it is taken back in one's own name. */
export interface BoardUndo {
  type: "board.undo";
  /** maxLength: 64 */
  id?: string;
  data: BoardUndoData;
}

export interface BoardUndoneData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** pattern: "^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", format: "uuid" */
  stroke: string;
  /** minLength: 1, maxLength: 128 */
  author: string;
}

/** The stroke of this author, if he has drawn it, is gone; nobody else's is, whatever its id. */
export interface BoardUndone {
  type: "board.undone";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: BoardUndoneData;
}

export interface BoardClearData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
}

/** Wipe a board. */
export interface BoardClear {
  type: "board.clear";
  /** maxLength: 64 */
  id?: string;
  data: BoardClearData;
}

export interface BoardClearedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** minLength: 1, maxLength: 128 */
  author: string;
}

/** A board has been wiped: what was drawn before is gone. */
export interface BoardCleared {
  type: "board.cleared";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: BoardClearedData;
}

export interface BoardLookData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
}

/** Ask who is here, and what everybody may do. */
export interface BoardLook {
  type: "board.look";
  /** maxLength: 64 */
  id?: string;
  data: BoardLookData;
}

export interface BoardShareData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** minLength: 1, maxLength: 128 */
  person: string;
  role: "editor" | "viewer" | "nobody";
}

/** Say what somebody may do on a board from now on; `nobody` takes everything away. */
export interface BoardShare {
  type: "board.share";
  /** maxLength: 64 */
  id?: string;
  data: BoardShareData;
}

export interface BoardSharedData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** minLength: 1, maxLength: 128 */
  person: string;
  role: "owner" | "editor" | "viewer" | "nobody";
}

/** Somebody may do something else on a board from now on. */
export interface BoardShared {
  type: "board.shared";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: BoardSharedData;
}

export interface BoardPeopleData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** maxItems: 100 */
  people: Array<string>;
}

/** Who is here, each once however many windows he has open. */
export interface BoardPeople {
  type: "board.people";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: BoardPeopleData;
}

export interface BoardCursorData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** maxLength: 128 */
  author?: string;
  /** minimum: -100000, maximum: 100000 */
  x: number;
  /** minimum: -100000, maximum: 100000 */
  y: number;
}

/** Where somebody points. Clients tell it each other; a slow reader misses some. */
export interface BoardCursor {
  type: "board.cursor";
  /** maxLength: 64 */
  id?: string;
  data: BoardCursorData;
}

export interface BoardCursorEventData {
  /** pattern: "^[a-z0-9-]{1,64}$" */
  board: string;
  /** maxLength: 128 */
  author?: string;
  /** minimum: -100000, maximum: 100000 */
  x: number;
  /** minimum: -100000, maximum: 100000 */
  y: number;
}

/** Where somebody points. Clients tell it each other; a slow reader misses some. */
export interface BoardCursorEvent {
  type: "board.cursor";
  /** minLength: 1, maxLength: 128 */
  channel?: string;
  /** minimum: 0 */
  seq?: number;
  data: BoardCursorEventData;
}

export interface PingData {
}

/** Ask for a `pong`: browsers cannot send ping frames (R037). */
export interface Ping {
  type: "ping";
  /** maxLength: 64 */
  id?: string;
  data?: PingData;
}

export interface WssecAuthData {
  /** minLength: 1, maxLength: 8192 */
  token?: string;
  /** minLength: 1, maxLength: 8192 */
  ticket?: string;
}

/** Show a credential as the first message, where nobody has been authenticated yet. */
export interface WssecAuth {
  type: "wssec.auth";
  /** maxLength: 64 */
  id?: string;
  data?: WssecAuthData;
}

export interface WssecSubscribeData {
  /** minLength: 1, maxLength: 128 */
  channel: string;
  /** minimum: 0, maximum: 9007199254740991 */
  since?: number;
}

/** Listen to a channel; `since` is the `seq` behind which to resume. */
export interface WssecSubscribe {
  type: "wssec.subscribe";
  /** maxLength: 64 */
  id?: string;
  data: WssecSubscribeData;
}

export interface WssecUnsubscribeData {
  /** minLength: 1, maxLength: 128 */
  channel: string;
}

/** Stop listening to a channel. */
export interface WssecUnsubscribe {
  type: "wssec.unsubscribe";
  /** maxLength: 64 */
  id?: string;
  data: WssecUnsubscribeData;
}

export interface WssecPublishData {
  /** minLength: 1, maxLength: 128 */
  channel: string;
  /** minLength: 1, maxLength: 128 */
  type: string;
  data: Record<string, Json>;
}

/** Publish in a channel, where it lets clients. */
export interface WssecPublish {
  type: "wssec.publish";
  /** maxLength: 64 */
  id?: string;
  data: WssecPublishData;
}

export interface WssecRefreshData {
  /** minLength: 1, maxLength: 8192 */
  token: string;
}

/** Replace the token of this connection by a fresh one of the same subject. */
export interface WssecRefresh {
  type: "wssec.refresh";
  /** maxLength: 64 */
  id?: string;
  data: WssecRefreshData;
}

export interface WssecSignedData {
  /** minLength: 1, maxLength: 16777216 */
  jws: string;
}

/** Carry a message that its sender has signed. */
export interface WssecSigned {
  type: "wssec.signed";
  /** maxLength: 64 */
  id?: string;
  data: WssecSignedData;
}

/** The one answer to a message that carried an id. */
export interface Reply {
  type: "reply";
  /** maxLength: 64 */
  id: string;
  data: Record<string, Json>;
}

/** A frame that was not acted on. */
export interface ErrorFrame {
  type: "error";
  code: "malformed" | "unknown_type" | "invalid" | "permission_denied" | "rate_limited" | "too_big" | "signature_invalid" | "replayed" | "reauth_required" | "already_authenticated" | "unavailable" | "timeout" | "internal";
  /** maxLength: 64 */
  id?: string;
  /** maxLength: 1024 */
  detail?: string;
  fields?: Record<string, Json>;
  /** minimum: 0 */
  retry_after?: number;
}

/** The answer to a `ping`. */
export interface Pong {
  type: "pong";
  /** maxLength: 64 */
  id?: string;
}

export interface WssecReadyData {
  session: string;
  nonce: string;
  /** minimum: 0 */
  heartbeat: number;
  /** minimum: 0 */
  expires_in: number | null;
}

/** The connection may be used. */
export interface WssecReady {
  type: "wssec.ready";
  data: WssecReadyData;
}

export interface WssecExpiringData {
  /** minimum: 0 */
  expires_in: number;
  /** minimum: 0 */
  grace: number;
}

/** The token ends soon. */
export interface WssecExpiring {
  type: "wssec.expiring";
  data: WssecExpiringData;
}

export interface WssecGapData {
  /** minLength: 1, maxLength: 128 */
  channel: string;
}

/** Messages of a channel were missed. */
export interface WssecGap {
  type: "wssec.gap";
  data: WssecGapData;
}

export interface WssecUnsubscribedData {
  /** minLength: 1, maxLength: 128 */
  channel: string;
}

/** A moderator has put you out of a channel. */
export interface WssecUnsubscribed {
  type: "wssec.unsubscribed";
  data: WssecUnsubscribedData;
}

/** Whatever a client may send. */
export type Inbound =
  | ChatSend
  | DashboardAsk
  | DashboardWatch
  | DeviceTelemetry
  | DeviceCommand
  | DeviceAcknowledge
  | DeviceMine
  | DeviceEnrol
  | DeviceRemove
  | ModerationAct
  | ModerationPardon
  | ModerationLook
  | ModerationSlow
  | ModerationRemove
  | ModerationReport
  | SupportList
  | SupportOpen
  | SupportSay
  | SupportAnswer
  | SupportResolve
  | BoardDraw
  | BoardUndo
  | BoardClear
  | BoardLook
  | BoardShare
  | BoardCursor
  | Ping
  | WssecAuth
  | WssecSubscribe
  | WssecUnsubscribe
  | WssecPublish
  | WssecRefresh
  | WssecSigned;

/** What a client may send inside `wssec.signed` alone. */
export type SignedInbound =
  | OrderPlace
  | OrderCancel;

/** The heads of what a client may send with bytes behind it. */
export type BinaryInbound = never;

/** Whatever a client may get. */
export type Outbound =
  | ChatPosted
  | DashboardFigures
  | DashboardAlarm
  | DeviceOrdered
  | DeviceReported
  | DeviceSeen
  | DeviceAcknowledged
  | MarketQuote
  | OrderChanged
  | ModerationActed
  | ModerationPardoned
  | ModerationSlowed
  | ModerationRemoved
  | SupportSaid
  | SupportAnswered
  | SupportChanged
  | BoardDrawn
  | BoardUndone
  | BoardCleared
  | BoardShared
  | BoardPeople
  | BoardCursorEvent
  | Reply
  | ErrorFrame
  | Pong
  | WssecReady
  | WssecExpiring
  | WssecGap
  | WssecUnsubscribed;

export type ErrorCode = ErrorFrame["code"];
export type InboundType = (Inbound | SignedInbound | BinaryInbound)["type"];
export type OutboundType = Outbound["type"];
export type InboundOf<T extends InboundType> = Extract<Inbound | SignedInbound | BinaryInbound, { type: T }>;
export type OutboundOf<T extends OutboundType> = Extract<Outbound, { type: T }>;
export type InboundDataOf<T extends InboundType> = InboundOf<T> extends { data?: infer D } ? D : never;
export type OutboundDataOf<T extends OutboundType> = OutboundOf<T> extends { data: infer D } ? D : never;
