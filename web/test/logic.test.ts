import './window';
import assert from 'node:assert/strict';
import {test} from 'node:test';

const {sentenceOf} = await import('../src/api');
const {backoff, emptyHistory, extend, figuresOf, kSeconds} = await import('../src/live');
const {matches, withBooked} = await import('../src/pages/calls');
const {spans} = await import('../src/pages/call');
const {keyState} = await import('../src/pages/keys');
const {budgetOf, keyBody} = await import('../src/pages/key_form');
const {csv, dayAfter} = await import('../src/pages/spend');
const {words} = await import('../src/ui/parts');

const overview = {calls: {in_flight: 3, waiting: 0, total: 9, per_second: 2, errors_per_second: 0}} as unknown as Parameters<typeof figuresOf>[0];

test('history grows by a second, holds ten minutes, and shows a gap as a gap', () => {
  const one = figuresOf(overview);
  let history = emptyHistory();
  for (let i = 0; i < 2000; ++i) history = extend(history, i, one);
  assert.equal(history.time.length, kSeconds);
  assert.equal(history.time.at(-1), 1999);
  assert.equal(history.columns.calls.length, history.time.length);
  history = extend(history, 1999, {...one, calls: 7});
  assert.deepEqual([history.time.length, history.columns.calls.at(-1)], [kSeconds, 7]);
  history = extend(history, 2050, one);
  assert.deepEqual(history.time.slice(-3), [1999, 2000, 2050]);
  assert.equal(history.columns.calls.at(-2), null);
  assert.equal(history.columns.added50.at(-1), null);  // not told
});

test('a call that came in live gets its cost once it is booked', () => {
  const call = (id: string, time: string, more: object = {}) => ({id, time, status: 200, ...more});
  const live = [call('b', '2026-11-24T10:00:02Z', {cost: null, attempts: 2}), call('c', '2026-11-24T10:00:03Z', {cost: null})];
  const booked = [call('b', '2026-11-24T10:00:02Z', {cost: '0.5', attempts: 1}), call('a', '2026-11-24T10:00:01Z', {cost: '0.1'})];
  assert.deepEqual(withBooked(live, booked).map(one => [one.id, one.cost, one.attempts]), [['c', null, undefined], ['b', '0.5', 2], ['a', '0.1', undefined]]);
  assert.deepEqual(withBooked([], []), []);
});

test('a form says what is set of a new key, and everything of one that is changed', () => {
  const text = (given: Record<string, string>) => (name: string) => given[name] ?? '';
  const all = () => true;
  assert.deepEqual(keyBody(text({name: 'ci', priority: 'normal'}), null, all), {name: 'ci'});
  assert.deepEqual(keyBody(text({name: 'ci', team: 'web', ttl: '30d', day: '$50', models: 'claude-haiku-*, x,', rpm: '5', tpm: '9', priority: 'high'}), null, all),
    {name: 'ci', team: 'web', ttl: '30d', rights: {models: ['claude-haiku-*', 'x'], requests_per_minute: 5, tokens_per_minute: 9, priority: 'high'}, budget: {day: '50'}});
  const key = {name: 'ci', budget: {day: '5', reserve: 'strict'}, rights: {models: ['x']}};
  assert.deepEqual(keyBody(text({ttl: 'never', month: '7', priority: 'normal'}), key, all),
    {team: null, ttl: null, rights: {models: [], requests_per_minute: 0, tokens_per_minute: 0, concurrency: 0, priority: 'normal'}, budget: {month: '7', reserve: 'strict'}});
  assert.deepEqual(keyBody(text({}), key, (_, name) => name === 'concurrency'), {team: null, rights: {models: [], concurrency: 0}});
  assert.equal(budgetOf(text({}), key.budget), null);
});

test('it waits longer each time, at most half a minute', () => {
  assert.deepEqual([0, 1, 2, 5, 99].map(backoff), [1000, 2000, 4000, 30_000, 30_000]);
});

test('an error reply is read in every shape', () => {
  assert.deepEqual(sentenceOf('{"type":"error","error":{"type":"permission_error","message":"no"}}'), {kind: 'permission_error', message: 'no'});
  assert.deepEqual(sentenceOf('{"error":"bad","message":"rejected, still on revision 4"}'), {kind: 'error', message: 'bad: rejected, still on revision 4'});
  assert.equal(sentenceOf('<html>').message, '<html>');
  assert.equal(sentenceOf('x'.repeat(9999)).message.length, 300);
  assert.equal(sentenceOf('{}').message, '');
});

test('calls are found by key, status and words', () => {
  const call = {id: 'req_1', time: '', status: 429, key: 'web-ci', model: 'claude-opus-5-5', team: 'web'};
  const cases: [object, boolean][] = [
    [{}, true], [{key: 'web-ci'}, true], [{key: 'web'}, false], [{status: '4'}, true], [{status: '2'}, false], [{find: 'OPUS'}, true], [{find: ' req_1 '}, true], [{find: 'haiku'}, false],
    [{key: 'web-ci', status: '4', find: 'opus'}, true],
  ];
  for (const [wanted, want] of cases) assert.equal(matches(call, {key: '', status: '', find: '', ...wanted}), want, JSON.stringify(wanted));
});

test('attempts lie behind one another unless their beginnings are told', () => {
  assert.deepEqual(spans([{total_ms: 100, first_byte_ms: 50}, {total_ms: 300}], 400), [{start: 0, first: 0.125, end: 0.25}, {start: 0.25, first: null, end: 1}]);
  assert.deepEqual(spans([{started_ms: 200, total_ms: 200}], 400), [{start: 0.5, first: null, end: 1}]);
  assert.deepEqual(spans([{first_byte_ms: 100}], null), [{start: 0, first: 1, end: 1}]);
  assert.deepEqual(spans([{}], 0), [{start: 0, first: null, end: 0}]);
  assert.deepEqual(spans([], 10), []);
});

test('a key is revoked, expired or active', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  assert.equal(keyState({name: 'a', revoked: '2026-01-01T00:00:00Z', expires: '2026-01-01T00:00:00Z'}, now), 'revoked');
  assert.equal(keyState({name: 'a', expires: '2026-11-24T12:00:00Z'}, now), 'expired');
  assert.equal(keyState({name: 'a', expires: '2026-11-24T12:00:01Z', revoked: null}, now), 'active');
});

test('a saved table holds no formula and no broken row', () => {
  const row = {calls: 1, input_tokens: 2, output_tokens: 3, cache_read: 4, cache_write: 5, cost: null, reserved: '0.7', saved: {reuse: '0.5', batch: null, similar: '0.00'}};
  const lines = csv([{...row, name: '=1+1'}, {...row, name: 'a,"b"\nc'}, {...row, name: 'plain', cost: '0.1'}]).split('\r\n');
  assert.equal(lines[1], "'=1+1,1,2,3,4,5,,0.7,0.5,0.5");
  assert.equal(lines[2], '"a,""b""\nc",1,2,3,4,5,,0.7,0.5,0.5');
  assert.equal(lines[3], 'plain,1,2,3,4,5,0.1,0.7,0.5,0.5');
  assert.equal(lines[0], 'name,calls,input_tokens,output_tokens,cache_read,cache_write,cost,reserved,saved,saved_by_reuse');
});

test('a day until which is asked is part of it', () => {
  assert.deepEqual(['2026-11-24', '2026-12-31', '2028-02-28'].map(dayAfter), ['2026-11-25', '2027-01-01', '2028-02-29']);
});

test('lists and maps become words', () => {
  assert.deepEqual(words(['a', 'b']), ['a', 'b']);
  assert.deepEqual(words({env: 'ci', on: true, models: ['x', 'y']}), ['env=ci', 'on', 'models=x y']);
  assert.deepEqual([words(null), words(''), words(0)], [[], [], ['0']]);
});
