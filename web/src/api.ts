// Talks to the admin API. The token lives in sessionStorage and goes nowhere but into the authorization field of requests to this origin.
import {Store} from './store';

const kToken = 'baton.token';

export class ApiError extends Error {
  constructor(readonly status: number, readonly kind: string, message: string) { super(message); }
}

export const token = new Store<string | null>(sessionStorage.getItem(kToken));
// Why the page asks for a token again.
export const refused = new Store(false);

export function signIn(value: string): void {
  sessionStorage.setItem(kToken, value);
  refused.set(false);
  token.set(value);
}

export function signOut(because: 'refused' | 'asked'): void {
  sessionStorage.removeItem(kToken);
  refused.set(because === 'refused');
  token.set(null);
}

export async function open(path: string, options: RequestInit = {}): Promise<Response> {
  const headers: Record<string, string> = {authorization: `Bearer ${token.get() ?? ''}`};
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  let reply: Response;
  try {
    reply = await fetch(`/admin/v1${path}`, {cache: 'no-store', credentials: 'omit', redirect: 'error', ...options, headers});
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'network_error', '');
  }
  if (reply.ok) return reply;
  const sentence = sentenceOf(await reply.text().catch(() => ''));
  if (reply.status === 401) signOut('refused');
  throw new ApiError(reply.status, sentence.kind, sentence.message);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await (await open(path, signal ? {signal} : {})).json() as T;
}

export async function send<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body: object = {}): Promise<T> {
  const reply = await open(path, {method, body: JSON.stringify(body)});
  const text = await reply.text();
  return (text === '' ? {} : JSON.parse(text)) as T;
}

// What this relay offers, from its own document: paths below /admin/v1, and the fields of a request. All of it until that is known.
export interface Offers { path: (path: string) => boolean; field: (schema: string, name: string) => boolean }
export const offers = new Store<Offers>({path: () => true, field: () => true});

export async function learn(): Promise<void> {
  const document = await get<{paths?: object; components?: {schemas?: Record<string, {properties?: object}>}}>('/openapi.json');
  const {paths, components} = document;
  offers.set({
    path: path => !paths || Object.hasOwn(paths, `/admin/v1${path}`),
    field: (schema, name) => Object.hasOwn(components?.schemas?.[schema]?.properties ?? {[name]: 0}, name),
  });
}

// What an error reply says, in the vendor's shape or a plain one.
export function sentenceOf(text: string): {kind: string; message: string} {
  try {
    const body = JSON.parse(text) as {error?: {type?: string; message?: string} | string; message?: string};
    if (typeof body.error === 'string') return {kind: 'error', message: [body.error, body.message].filter(Boolean).join(': ')};
    if (body.error) return {kind: body.error.type ?? 'error', message: body.error.message ?? ''};
    return {kind: 'error', message: body.message ?? ''};
  } catch {
    return {kind: 'error', message: text.slice(0, 300)};
  }
}
