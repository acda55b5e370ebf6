// Live: what the relay says of itself each second and each call as it ends, over one long reply to /admin/v1/live. When the connection
// breaks or falls silent it is made again after 1, 2, 4 … 30 s. Bounds: kSeconds of history, kCallsMax calls.
import {ApiError, get, open, token} from './api';
import {SseReader, type SseEvent} from './sse';
import {Store} from './store';
import type {CallRow, Overview} from './types';

export const kSeconds = 600;
export const kCallsMax = 200;
const kSilentMs = 10_000;  // an event comes each second
const kBackoffMs = [1000, 2000, 4000, 8000, 15_000, 30_000];

export type Link = {state: 'connecting' | 'live'} | {state: 'waiting'; until: number};

// One column per figure, all as long as `time` (seconds since the epoch, ascending).
export const kFigures = ['calls', 'errors', 'inFlight', 'waiting', 'streams', 'firstByte50', 'firstByte99', 'added50', 'added99', 'input',
  'output', 'cacheRead', 'cacheWrite'] as const;
export type Figure = typeof kFigures[number];
export interface History { time: number[]; columns: Record<Figure, (number | null)[]> }

export function emptyHistory(): History {
  return {time: [], columns: Object.fromEntries(kFigures.map(name => [name, []])) as unknown as History['columns']};
}

export function figuresOf(o: Overview): Record<Figure, number | null> {
  return {
    calls: o.calls?.per_second ?? null, errors: o.calls?.errors_per_second ?? null, inFlight: o.calls?.in_flight ?? null,
    waiting: o.calls?.waiting ?? null, streams: o.streams_open ?? null, firstByte50: o.first_byte_ms?.p50 ?? null,
    firstByte99: o.first_byte_ms?.p99 ?? null, added50: o.added_ms?.p50 ?? null, added99: o.added_ms?.p99 ?? null,
    input: o.tokens_per_minute?.input ?? null, output: o.tokens_per_minute?.output ?? null,
    cacheRead: o.tokens_per_minute?.cache_read ?? null, cacheWrite: o.tokens_per_minute?.cache_write ?? null,
  };
}

// A new second; one that is not later than the last replaces it. A gap of more than three seconds is shown as a gap.
export function extend(history: History, seconds: number, figures: Record<Figure, number | null>): History {
  const time = [...history.time];
  const columns = Object.fromEntries(kFigures.map(name => [name, [...history.columns[name]]])) as History['columns'];
  const last = time.at(-1);
  const put = (when: number, values: Record<Figure, number | null> | null) => {
    time.push(when);
    for (const name of kFigures) columns[name].push(values ? values[name] : null);
  };
  if (last !== undefined && seconds <= last) {
    time.pop();
    for (const name of kFigures) columns[name].pop();
    put(last, figures);
  } else {
    if (last !== undefined && seconds - last > 3) put(last + 1, null);
    put(seconds, figures);
  }
  while (time.length > kSeconds) {
    time.shift();
    for (const name of kFigures) columns[name].shift();
  }
  return {time, columns};
}

export const link = new Store<Link>({state: 'connecting'});
export const overview = new Store<Overview | null>(null);
export const history = new Store<History>(emptyHistory());
export const calls = new Store<CallRow[]>([]);
export const skipped = new Store(0);

let skew = 0;  // the relay's clock before ours, in ms
export const relayNow = () => Date.now() + skew;

function take(event: SseEvent): void {
  if (event.event === 'overview') {
    const seen = JSON.parse(event.data) as Overview;
    const now = new Date(seen.now).getTime();
    if (Number.isFinite(now)) skew = now - Date.now();
    overview.set(seen);
    history.set(extend(history.get(), Math.floor(relayNow() / 1000), figuresOf(seen)));
  } else if (event.event === 'call') {
    const call = JSON.parse(event.data) as CallRow;
    calls.set([call, ...calls.get().filter(known => known.id !== call.id)].slice(0, kCallsMax));
  } else if (event.event === 'skipped') {
    skipped.set(skipped.get() + ((JSON.parse(event.data) as {count?: number}).count ?? 0));
  }
}

async function readOnce(stop: AbortController): Promise<void> {
  const reply = await open('/live', {signal: stop.signal});
  if (!reply.body) return;
  const reader = reply.body.getReader();
  const events = new SseReader();
  let silence = setTimeout(() => stop.abort(), kSilentMs);
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), kSilentMs);
      for (const event of events.push(value)) {
        take(event);
        if (link.get().state !== 'live') link.set({state: 'live'});
      }
    }
  } finally {
    clearTimeout(silence);
    stop.abort();
  }
}

// A relay without the long reply is asked again and again.
const kPollMs = 2000;

async function pollOnce(): Promise<void> {
  take({event: 'overview', data: JSON.stringify(await get('/overview'))});
  if (link.get().state !== 'live') link.set({state: 'live'});
}

export function backoff(failures: number): number {
  return kBackoffMs[Math.min(failures, kBackoffMs.length - 1)]!;
}

// Runs until the returned function is called.
export function follow(): () => void {
  let ended = false;
  let wake = () => {};
  let stop = new AbortController();
  const run = async () => {
    let failures = 0;
    let streams = true;
    while (!ended && token.get() !== null) {
      if (streams || !seenLive()) link.set({state: 'connecting'});
      stop = new AbortController();
      try {
        await (streams ? readOnce(stop) : pollOnce());
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return;
        if (error instanceof ApiError && error.status === 404 && streams) {
          streams = false;
          continue;
        }
        link.set({state: 'connecting'});
      }
      if (ended) return;
      failures = seenLive() ? 0 : failures + 1;
      const polled = !streams && failures === 0;
      const wait = polled ? kPollMs : backoff(failures);
      if (!polled) link.set({state: 'waiting', until: Date.now() + wait});
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, wait);
        wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  };
  const seenLive = () => link.get().state === 'live';
  const online = () => wake();
  window.addEventListener('online', online);
  void run();
  return () => {
    ended = true;
    window.removeEventListener('online', online);
    stop.abort();
    wake();
  };
}

// Forgets what was shown, for when another token is entered.
export function forget(): void {
  overview.set(null);
  history.set(emptyHistory());
  calls.set([]);
  skipped.set(0);
}
