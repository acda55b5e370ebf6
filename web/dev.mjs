// A relay that is none, for working on the page: serves the bundle, built anew for each request of /, and invented figures below
// /admin/v1. `npm run dev [PORT]`; any token is taken, `wrong` is refused. The tests do not use it.
import {createServer} from 'node:http';
import {bundle, typeOf} from './build.mjs';

const started = new Date(Date.now() - 93_784_000).toISOString();
const name = ['web-ci', 'anna', 'batch-night', 'claude-code', '研发-小王', 'a-rather-long-key-name-of-a-service.production'];
const models = ['claude-sonnet-5-5', 'claude-opus-5-5', 'claude-haiku-4-5'];
const pick = list => list[Math.floor(Math.random() * list.length)];
const wave = (size, seconds) => size * (1 + 0.4 * Math.sin(Date.now() / 1000 / seconds) + 0.3 * Math.random());
let seq = 0;
let revision = 12;
let calls = [];
let keys = name.map((n, i) => ({
  id: i, name: n, team: pick(['web', 'data', null]), prefix: 'bk-4f2a9c01', rights: i % 2 ? {models: ['claude-haiku-*'], requests_per_minute: 60} : {},
  budgets: i % 3 ? [{period: 'day', limit: '50', spent: String(12 + 9 * i), reserved: '0.42', resets: new Date(Date.now() + 7.2e6).toISOString(), share: (12 + 9 * i) / 50}] : [],
  created: started, expires: i % 2 ? new Date(Date.now() + 8.64e8).toISOString() : null, revoked: i === 4 ? started : null, last_used: new Date(Date.now() - 1e5 * i).toISOString(), tags: ['env=ci'],
}));
const audit = [{seq: 1, time: started, who: 'operator', role: 'operate', action: 'key.create', target: 'web-ci', outcome: 'done', hash: '9f2c7a11bd03ee', previous: '0'}];
const accounts = [
  {name: 'org-a', provider: 'anthropic', group: 'main', state: 'ready', limit_domain: 'org-a', cache_domain: 'ws-1', weight: 2},
  {name: 'org-b', provider: 'anthropic', group: 'main', state: 'benched', reason: '429 from the vendor: input tokens per minute', weight: 1},
  {name: 'spare', provider: 'anthropic', group: 'reserve', state: 'parked', reason: 'kept for incidents', weight: 1},
];

function call() {
  const status = Math.random() < 0.9 ? 200 : pick([429, 529, 400, 500]);
  const ms = 900 + Math.random() * 8000;
  return {id: `req_01${Math.random().toString(36).slice(2, 14)}`, seq: ++seq, time: new Date().toISOString(), key: pick(name), team: 'web', model: pick(models), operation: 'messages',
    status, ending: status === 200 ? 'complete' : 'upstream_error', stream: true, duration_ms: ms, first_byte_ms: ms / 5, attempts: 1 + (Math.random() < 0.15), cost: (Math.random() / 10).toFixed(6),
    tokens: {input: 3200, output: 410, cache_read: 18_000, cache_write: 200}, cache: 'off'};
}

function overview() {
  return {version: '0.1.0', revision, started, ready: true, draining: false, now: new Date().toISOString(),
    calls: {in_flight: Math.round(wave(42, 20)), waiting: Math.round(wave(3, 9)), total: 184_223 + seq, per_second: wave(11, 30), errors_per_second: wave(0.4, 11)},
    streams_open: Math.round(wave(38, 20)), first_byte_ms: {p50: wave(610, 25), p99: wave(2200, 40)}, added_ms: {p50: wave(0.21, 25), p99: wave(0.9, 40)},
    tokens_per_minute: {input: wave(210_000, 30), output: wave(64_000, 30), cache_read: wave(900_000, 30), cache_write: wave(51_000, 30)},
    spent_today: '148.213377', saved_today: {reuse: '12.5021', coalesced: '3.2', similar: '0.9', prompt_cache: '61.207', batch: '9.1'},
    cache: {entries: 1204, bytes: 18_231_442, hits: 5121, misses: 20_333, hit_ratio: 0.2012}, degraded: {prices: 'prices.yaml:14: models[3].input: must be a number; the old prices stay'}};
}

const share = (limit, part) => ({limit, remaining: Math.round(limit * part)});
function accountList() {
  return {queue: {waiting: 3, max_wait_ms: 30_000, length_max: 512}, accounts: accounts.map((account, i) => ({
    ...account, until: account.state === 'benched' ? new Date(Math.ceil(Date.now() / 90_000) * 90_000).toISOString() : null, in_flight: 12 * (3 - i), failures: i * 3,
    endpoints: [{url: 'https://api.anthropic.com', connect_ms: 18.2, first_byte_ms: 590 + 40 * i, in_flight: 9, concurrency_limit: 64}, {url: 'https://eu.gateway.example.com', connect_ms: 61, first_byte_ms: 702, in_flight: 3, concurrency_limit: 32}],
    limits: [{class: 'opus', requests: share(4000, 0.82), input_tokens: share(2_000_000, [0.61, 0.04, 0.2][i]), output_tokens: share(400_000, 0.25)}, {class: 'haiku', requests: share(4000, 0.99), input_tokens: share(4_000_000, 0.97), output_tokens: share(800_000, 0.9)}],
    affinity: {kept: 18_220, moved: 41, new: 903, saved: '51.20', lost: '0.44'},
  }))};
}

function detail(id) {
  const one = calls.find(c => c.id === id) ?? {...call(), id};
  return {...one, session: 'ses_8a1f', tags: ['env=ci', 'search'], waited_ms: 120, client_address: '10.0.0.7', request_bytes: 18_200, reply_bytes: 5210, added_ms: 0.4, attempts: [
    {account: 'org-b', result: 'rate_limited', status: 429, first_byte_ms: 180, total_ms: 190, cost: '0', tokens: null},
    {account: 'org-a', result: 'answered', status: 200, first_byte_ms: 640, total_ms: 3900, cost: '0.048210', tokens: one.tokens}]};
}

function act(method, path, body) {
  const [, kind, who, verb] = path.split('/').map(decodeURIComponent);
  audit.push({seq: audit.length + 1, time: new Date().toISOString(), who: 'operator', role: 'operate', action: path, target: who, outcome: 'done', hash: Math.random().toString(16).slice(2), previous: audit.at(-1).hash});
  if (path === '/reload') return [200, {revision: ++revision}];
  if (path === '/cache/purge') return [200, {purged: 1204}];
  if (kind === 'accounts' && verb === 'test') return [200, {status: 200, latency_ms: 431, models}];
  if (kind === 'accounts') {
    const account = accounts.find(a => a.name === who);
    Object.assign(account, {state: {drain: 'draining', park: 'parked', release: 'ready'}[verb], reason: body.reason ?? null});
    return [200, account];
  }
  if (path === '/keys') {
    const key = {id: keys.length, name: body.name, team: body.team, prefix: 'bk-00000000', rights: body.rights ?? {}, budgets: [], created: new Date().toISOString(), expires: null, revoked: null, last_used: null, tags: []};
    keys.push(key);
    return [200, {key, secret: `bk-${'0123456789abcdef'.repeat(3)}`}];
  }
  const key = keys.find(k => k.name === who);
  if (verb === 'revoke') return [200, Object.assign(key, {revoked: new Date().toISOString()})];
  return [200, {key, secret: `bk-${'fedcba9876543210'.repeat(3)}`}];
}

function read(path, query) {
  if (path === '/overview') return overview();
  if (path === '/accounts') return accountList();
  if (path === '/keys') return {keys};
  if (path === '/usage') return {by: query.get('by'), rows: name.map(n => ({name: n, calls: 4123, input_tokens: 9.1e6, output_tokens: 1.2e6, cache_read: 4.1e7, cache_write: 8e5, cost: '31.4159', reserved: '40.2', given_back: '8.7842', held: '0.00', saved: {reuse: '2.1', coalesced: '0.8', similar: '0.00', prompt_cache: '9.9', batch: '0.00'}})), total: {calls: 24_738, cost: '188.4954'}};
  if (path === '/calls') return {calls: calls.filter(c => !query.get('before') || c.seq < Number(query.get('before'))).slice(0, 100), next_before: null};
  if (path.startsWith('/calls/')) return detail(path.slice(7));
  if (path === '/cache') return {...overview().cache, policy: 's3fifo', capacity_bytes: 268_435_456};
  if (path === '/jobs') return {jobs: [{id: 'msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d', account: 'org-a', used: started}]};
  if (path === '/config') return {revision, loaded: started, path: '/etc/baton/baton.yaml', warnings: ['clients: no key has a budget']};
  if (path === '/audit') return {entries: audit};
  if (path === '/openapi.json') return {};
  return null;
}

const port = Number(process.argv[2] ?? 8799);
for (let i = 0; i < 160; ++i) calls.unshift(call());
createServer(async (request, reply) => {
  const url = new URL(request.url, 'http://x');
  if (!url.pathname.startsWith('/admin/v1')) {
    const files = await bundle();
    const bytes = files.get(url.pathname);
    return reply.writeHead(bytes ? 200 : 404, {'content-type': typeOf(url.pathname), 'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"}).end(bytes);
  }
  const path = url.pathname.slice(9);
  const answer = (status, body) => reply.writeHead(status, {'content-type': 'application/json'}).end(JSON.stringify(body));
  const told = request.headers.authorization ?? '';
  if (told === 'Bearer wrong' || told.length < 8) return answer(401, {type: 'error', error: {type: 'authentication_error', message: 'no'}});
  if (path === '/live') {
    reply.writeHead(200, {'content-type': 'text/event-stream'});
    const tick = () => {
      reply.write(`event: overview\ndata: ${JSON.stringify(overview())}\n\n`);
      const one = call();
      calls = [one, ...calls].slice(0, 500);
      reply.write(`event: call\ndata: ${JSON.stringify(one)}\n\n`);
    };
    tick();
    const timer = setInterval(tick, Number(process.env.TICK ?? 1000));
    return request.on('close', () => clearInterval(timer));
  }
  if (request.method !== 'GET') {
    let text = '';
    for await (const piece of request) text += piece;
    return answer(...act(request.method, path, JSON.parse(text || '{}')));
  }
  const found = read(path, url.searchParams);
  return found ? answer(200, found) : answer(404, {type: 'error', error: {type: 'not_found_error', message: 'There is no such thing.'}});
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));
