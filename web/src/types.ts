// What the admin API answers (src/admin/openapi.json). Money is a decimal string in dollars or null, times are RFC 3339, durations are
// in milliseconds. A relay of another version may leave something out: everything beyond a name may be missing.
export type Money = string | null;

export interface Percentiles { p50: number | null; p99: number | null }

export interface Overview {
  version: string;
  revision: number;
  started: string;
  ready: boolean;
  draining: boolean;
  now: string;
  calls: {in_flight: number; waiting: number; total: number; per_second: number; errors_per_second: number};
  streams_open: number;
  first_byte_ms: Percentiles;
  added_ms: Percentiles;
  tokens_per_minute: {input: number; output: number; cache_read: number; cache_write: number};
  spent_today: Money;
  saved_today: Record<string, Money>;
  cache: {entries: number; bytes: number; hits: number; misses: number; hit_ratio: number | null};
  degraded: Record<string, string>;
}

export interface Share { limit: number | null; remaining: number | null }

export interface AccountLimits {
  class: string;
  benched_until?: string | null;
  requests?: Share | null;
  input_tokens?: Share | null;
  output_tokens?: Share | null;
}

export interface Endpoint {
  url: string;
  connect_ms?: number | null;
  first_byte_ms?: number | null;
  in_flight?: number | null;
  concurrency_limit?: number | null;
}

export interface Account {
  name: string;
  provider?: string;
  group?: string;
  limit_domain?: string;
  cache_domain?: string;
  weight?: number;
  state: string;
  reason?: string | null;
  until?: string | null;
  in_flight?: number;
  failures?: number;
  endpoints?: Endpoint[];
  limits?: AccountLimits[];
  affinity?: {kept?: number; moved?: number; new?: number; saved?: Money; lost?: Money};
}

export interface Accounts {
  accounts: Account[];
  queue?: {waiting?: number; max_wait_ms?: number; length_max?: number};
}

export interface AccountTest {
  status?: number;
  latency_ms?: number;
  limits?: unknown;
  models?: string[];
  error?: unknown;
}

export interface Budget {
  period: string;
  limit: Money;
  spent: Money;
  reserved?: Money;
  resets?: string | null;
  share?: number | null;
}

// As it is set: dollars as text.
export interface BudgetSet { day?: Money; month?: Money; reserve?: string }

export interface Team { name: string; keys?: number; budget?: BudgetSet | null; set_here?: boolean; budgets?: Budget[] }

export interface Key {
  id?: string | number;
  name: string;
  team?: string | null;
  prefix?: string;
  rights?: Record<string, unknown>;
  budget?: BudgetSet | null;
  budgets?: Budget[];
  created?: string | null;
  expires?: string | null;
  revoked?: string | boolean | null;
  last_used?: string | null;
  tags?: string | string[] | Record<string, string>;
}

export interface UsageRow {
  name: string;
  calls: number;
  input_tokens: number;
  output_tokens: number;
  cache_read: number;
  cache_write: number;
  cost: Money;
  failed?: number;
  unpriced?: number;
  reserved?: Money;
  saved?: Record<string, Money> | null;
}

export interface Usage { by: string; since?: string; until?: string; rows: UsageRow[]; total?: Partial<UsageRow> | null }

export interface Tokens { input?: number; output?: number; cache_read?: number; cache_write?: number; [kind: string]: number | undefined }

export interface CallRow {
  id: string;
  seq?: number | null;
  error?: string;
  simulated?: boolean;
  added_ms?: number | null;
  time: string;
  key?: string;
  team?: string;
  model?: string;
  operation?: string;
  status: number;
  ending?: string;
  stream?: boolean;
  duration_ms?: number | null;
  first_byte_ms?: number | null;
  attempts?: number;
  cost?: Money;
  tokens?: Tokens | null;
  cache?: string | null;
}

export interface Attempt {
  account?: string;
  result?: string;
  status?: number;
  started_ms?: number | null;
  first_byte_ms?: number | null;
  total_ms?: number | null;
  cost?: Money;
  tokens?: Tokens | null;
}

export interface CallDetail extends Omit<CallRow, 'attempts'> {
  attempts?: Attempt[];
  waited_ms?: number | null;
  tags?: string | string[] | Record<string, string>;
  session?: string | null;
  agent?: string | null;
  client_address?: string;
  upstream_request_id?: string;
  request_bytes?: number | null;
  reply_bytes?: number | null;
  thinking_tokens?: number | null;
}

export interface ConfigInfo { revision: number; loaded?: string; path?: string | null; warnings?: string[] }

export interface AuditEntry {
  seq: number;
  time: string;
  who?: string;
  role?: string;
  action: string;
  target?: string;
  outcome?: string;
  hash?: string;
  previous?: string;
}
