import assert from 'node:assert/strict';
import {test} from 'node:test';
import {SseReader, type SseEvent} from '../src/sse';

const bytes = (text: string) => new TextEncoder().encode(text);
const cases: {name: string; text: string; want: SseEvent[]}[] = [
  {name: 'one event', text: 'event: overview\ndata: {"a":1}\n\n', want: [{event: 'overview', data: '{"a":1}'}]},
  {name: 'an event without a name', text: 'data: x\n\n', want: [{event: 'message', data: 'x'}]},
  {name: 'data in two lines', text: 'data: a\ndata: b\n\n', want: [{event: 'message', data: 'a\nb'}]},
  {name: 'comments and unknown fields', text: ': ping\nid: 4\nretry: 10\ndata: a\n\n', want: [{event: 'message', data: 'a'}]},
  {name: 'an event without data is none', text: 'event: a\n\ndata: b\n\n', want: [{event: 'message', data: 'b'}]},
  {name: 'CRLF', text: 'event: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n', want: [{event: 'a', data: 'b'}, {event: 'message', data: 'c'}]},
  {name: 'letters of several bytes', text: 'data: 研发 🎼\n\n', want: [{event: 'message', data: '研发 🎼'}]},
  {name: 'no blank behind the colon', text: 'data:x\ndata:  y\n\n', want: [{event: 'message', data: 'x\n y'}]},
  {name: 'a field without a colon', text: 'data\n\n', want: [{event: 'message', data: ''}]},
  {name: 'half an event', text: 'data: a\n\ndata: b', want: [{event: 'message', data: 'a'}]},
];

test('events come out whole however the bytes are cut', () => {
  for (const {name, text, want} of cases) {
    const all = bytes(text);
    assert.deepEqual(new SseReader().push(all), want, name);
    for (let cut = 0; cut <= all.length; ++cut) {
      const reader = new SseReader();
      assert.deepEqual([...reader.push(all.subarray(0, cut)), ...reader.push(all.subarray(cut))], want, `${name}, cut at ${cut}`);
    }
    const slow = new SseReader();
    assert.deepEqual([...all].flatMap(byte => slow.push(Uint8Array.of(byte))), want, `${name}, byte by byte`);
  }
});

test('an event has a bound', () => {
  const reader = new SseReader();
  assert.throws(() => { for (let i = 0; i < 40; ++i) reader.push(bytes('data: ' + 'x'.repeat(65_536))); }, /too large/);
  const lines = new SseReader();
  assert.throws(() => { for (let i = 0; i < 40; ++i) lines.push(bytes('data: ' + 'x'.repeat(65_536) + '\n')); }, /too large/);
});
