import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as f from '../src/format';

const now = Date.parse('2026-11-24T12:00:00Z');
// Spaces of any width are alike here: they differ between versions of the locale's data.
const plain = (text: string) => text.replace(/[\u00a0\u202f\u2009]/g, ' ');

function table(name: string, format: (value: never) => string, rows: [unknown, string][]) {
  test(name, () => { for (const [input, want] of rows) assert.equal(plain(format(input as never)), want, String(input)); });
}

table('counts', v => f.count('en', v), [[0, '0'], [1234567, '1,234,567'], [null, '—'], [undefined, '—'], [NaN, '—'], [Infinity, '—']]);
table('large counts are short', v => f.compact('en', v), [[999, '999'], [9999, '9,999'], [12_345, '12.3K'], [1_234_567, '1.23M'], [null, '—']]);
table('large counts in Chinese', v => f.compact('zh', v), [[12_345, '1.23万'], [123_456_789, '1.23亿']]);
table('rates', v => f.rate('en', v), [[0, '0'], [0.123, '0.12'], [9.876, '9.88'], [12.34, '12.3'], [1234.5, '1,235'], [null, '—']]);
table('shares', v => f.percent('en', v), [[0, '0%'], [0.0123, '1.2%'], [0.5, '50%'], [1, '100%'], [null, '—']]);
table('durations', v => f.duration('en', v), [
  [0, '0 ms'], [0.214, '0.21 ms'], [9.99, '9.99 ms'], [412.4, '412 ms'], [999.4, '999 ms'], [1234, '1.23 sec'], [31_260, '31.3 sec'], [125_000, '2 min 5 sec'], [3_723_000, '1 hr 2 min'],
  [93_784_000, '26 hr 3 min'], [266_400_000, '3 days 2 hr'], [null, '—'],
]);
table('durations in Chinese', v => f.duration('zh', v).replaceAll(' ', ''), [[412, '412毫秒'], [1234, '1.23秒'], [125_000, '2分钟5秒']]);
table('sizes', v => f.bytes('en', v), [[0, '0 bytes'], [1, '1 byte'], [999, '999 bytes'], [1500, '1.5 kB'], [18_231_442, '18 MB'], [2.5e9, '2.5 GB'], [null, '—']]);
table('dollars', v => f.money('en', v), [
  ['0', '$0.00'], ['12.345678', '$12.35'], ['1234.5', '$1,234.50'], ['0.5', '$0.50'], ['0.012345', '$0.0123'], ['0.000210', '$0.00021'], ['0.0000001', '$0.0000001'], ['-3', '-$3.00'],
  [null, '—'], [undefined, '—'], ['', '—'], ['x', '—'],
]);
table('dollars in Chinese', v => f.money('zh', v), [['12.345678', '$12.35']]);
table('sums of dollars', v => String(f.moneySum(v)), [[['0.1', null, '0.25'], '0.35'], [[null, undefined, ''], 'null'], [[], 'null'], [['0'], '0']]);
table('what is left', v => f.countdown(v, now), [
  ['2026-11-24T12:00:42Z', '0:42'], ['2026-11-24T12:00:00.500Z', '0:01'], ['2026-11-24T12:12:05Z', '12:05'], ['2026-11-24T13:00:00Z', '1:00:00'], ['2026-11-24T12:00:00Z', ''],
  ['2026-11-24T11:00:00Z', ''], [null, ''], ['never', ''],
]);
table('distances in time', v => f.relative('en', v, now), [
  ['2026-11-24T11:59:50Z', '10 sec. ago'], ['2026-11-24T11:57:00Z', '3 min. ago'], ['2026-11-24T15:00:00Z', 'in 3 hr.'], ['2026-11-22T12:00:00Z', '2 days ago'], ['2026-11-23T12:00:00Z', 'yesterday'],
  ['2028-11-24T12:00:00Z', 'in 2 yr.'], [null, '—'], ['x', '—'],
]);
table('distances in Chinese', v => f.relative('zh', v, now), [['2026-11-24T11:57:00Z', '3分钟前']]);

test('times are those of the reader\'s zone, in 24 hours', () => {
  assert.equal(f.clockTime('en', '2026-11-24T12:03:04Z', 'UTC'), '12:03:04');
  assert.equal(f.clockTime('zh', '2026-11-24T12:03:04Z', 'Asia/Shanghai'), '20:03:04');
  assert.equal(f.clockTime('en', 'x', 'UTC'), '—');
  assert.match(plain(f.dateTime('en', '2026-11-24T12:03:04Z', 'UTC')), /^Nov 24, 2026, 12:03$/);
  assert.match(f.dateTime('zh', '2026-11-24T12:03:04Z', 'UTC'), /2026年11月24日.*12:03/);
});
