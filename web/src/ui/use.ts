// What pages use: data that is fetched and fetched again, the present, the place in the address.
import {useCallback, useEffect, useRef, useState} from 'preact/hooks';
import {ApiError, get} from '../api';
import {t} from '../i18n';
import {relayNow} from '../live';
import {Store} from '../store';

export function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  if (error.status === 0) return t('error.network');
  if (error.status === 403) return error.message || t('error.forbidden');
  if (error.status === 404) return error.message || t('error.notFound');
  return t('error.status', {status: error.status, message: error.message});
}

export interface Fetched<T> { data: T | null; error: string | null; reload: () => Promise<void> }

// GET of `path` now, when it changes, and every `everyMs` while the page is visible.
export function useFetched<T>(path: string, everyMs = 0): Fetched<T> {
  const [data, setData] = useState<T | null>(null);
  const [error, setError] = useState<string | null>(null);
  const latest = useRef('');
  const load = useCallback(async () => {
    latest.current = path;
    try {
      const got = await get<T>(path);
      if (latest.current !== path) return;
      setData(got);
      setError(null);
    } catch (failure) {
      if (latest.current === path) setError(explain(failure));
    }
  }, [path]);
  useEffect(() => {
    setData(null);
    setError(null);
    void load();
  }, [load]);
  useEffect(() => {
    if (everyMs === 0) return;
    const timer = setInterval(() => { if (!document.hidden) void load(); }, everyMs);
    return () => clearInterval(timer);
  }, [load, everyMs]);
  useEffect(() => () => { latest.current = ''; }, []);
  return {data, error, reload: load};
}

// The relay's time, anew each second.
export function useNow(): number {
  const [now, setNow] = useState(relayNow());
  useEffect(() => {
    const timer = setInterval(() => setNow(relayNow()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

// "#/calls/req_1" is ["calls", "req_1"].
const read = () => location.hash.replace(/^#\/?/, '').split('/').map(part => {
  try { return decodeURIComponent(part); } catch { return part; }
});
export const place = new Store<string[]>(read());
window.addEventListener('hashchange', () => place.set(read()));

// What is said to the person for a while, and read out.
export interface Note { id: number; kind: 'good' | 'bad'; text: string }
export const notes = new Store<Note[]>([]);
let noteCount = 0;
export function say(kind: Note['kind'], text: string): void {
  const id = ++noteCount;
  notes.set([...notes.get(), {id, kind, text}].slice(-3));
  setTimeout(() => dismiss(id), kind === 'good' ? 6000 : 12_000);
}
export function dismiss(id: number): void {
  notes.set(notes.get().filter(note => note.id !== id));
}
