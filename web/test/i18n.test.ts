import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {test} from 'node:test';
import {fill, firstLanguage, tables} from '../src/i18n';

const places = (text: string) => [...text.matchAll(/{\w+}/g)].map(found => found[0]).sort();
const same = new Set(['accounts.done', 'app.title', 'common.of', 'overview.p99', 'series.p50', 'series.p99']);  // alike in both languages

test('both languages have every sentence', () => {
  assert.deepEqual(Object.keys(tables.zh).sort(), Object.keys(tables.en).sort());
  for (const [key, text] of Object.entries({...tables.en, ...tables.zh})) assert.notEqual(text.trim(), '', key);
});

test('both languages fill in the same things', () => {
  for (const [key, text] of Object.entries(tables.en)) assert.deepEqual(places(tables.zh[key as keyof typeof tables.zh]), places(text), key);
});

test('the Chinese is Chinese', () => {
  for (const [key, text] of Object.entries(tables.zh)) if (!same.has(key)) assert.match(text, /\p{Script=Han}/u, key);
});

function sources(folder: string): string[] {
  return readdirSync(folder, {withFileTypes: true}).flatMap(entry =>
    entry.isDirectory() ? sources(join(folder, entry.name)) : /\.tsx?$/.test(entry.name) ? [readFileSync(join(folder, entry.name), 'utf8')] : []);
}

test('every sentence is used, and what is used is there', () => {
  const all = sources('src').filter(text => !text.includes("'app.skip': '")).join('\n');
  const open = /^(state|saved|ending|period|priority|spend\.by|accounts\.(drain|park|release|test)(Ask|Text)?$|app\.theme)/;  // used by a name that is put together
  for (const key of Object.keys(tables.en)) if (!open.test(key)) assert.ok(all.includes(`'${key}'`), `${key} is not used`);
  for (const found of all.matchAll(/\bt\('([\w.]+)'/g)) assert.ok(found[1]! in tables.en, `${found[1]} is missing`);
});

test('no sentence stands in the sources', () => {
  for (const text of sources('src/pages')) {
    for (const found of text.matchAll(/>([^<>{}=;()]*[A-Za-z]{3,}[^<>{}=;()]*)<\//g)) assert.fail(`"${found[1]}" stands in a page: give it a key`);
  }
});

test('the first language is what was kept, else what the browser wants', () => {
  const cases: [string | null, string[], string][] = [
    [null, ['zh-CN', 'en'], 'zh'], [null, ['zh'], 'zh'], [null, ['en-GB'], 'en'], [null, ['de', 'zh-TW'], 'zh'], [null, ['de'], 'en'], [null, [], 'en'],
    ['zh', ['en'], 'zh'], ['en', ['zh'], 'en'], ['xx', ['zh'], 'zh'], [null, ['zhx'], 'en'],
  ];
  for (const [kept, wanted, want] of cases) assert.equal(firstLanguage(kept, wanted), want, `${kept} ${wanted}`);
});

test('what is filled in stays as it is', () => {
  assert.equal(fill('{a} of {b}', {a: '{b}', b: 2}), '{b} of 2');
  assert.equal(fill('{a} {c}', {a: '$&'}), '$& {c}');
  assert.equal(fill('{toString}', {a: 1}), '{toString}');
});
