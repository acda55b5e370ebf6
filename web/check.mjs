// check.mjs [COUNTS]: all that the page must pass without a browser: its types, the rules of its sources, its tests. Writes
// "passed failed skipped" to COUNTS.
import {spawnSync} from 'node:child_process';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {runTests} from './test.mjs';

const here = dirname(fileURLToPath(import.meta.url));

// What would let a string become markup, script or a place to go. Text reaches the page as text nodes only.
const FORBIDDEN = [
  [/dangerouslySetInnerHTML|\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc/, 'markup from a string'],
  [/\beval\s*\(|new\s+Function\b|setTimeout\(\s*['"`]|setInterval\(\s*['"`]/, 'script from a string'],
  [/javascript:/i, 'a script as a link'],
  [/\bcssText\b|style="|setAttribute\(\s*['"]style/, 'a style from a string'],
  [/localStorage\.setItem\([^)]*[tT]oken/, 'the token outlives its tab'],
  [/https?:\/\/(?!www\.w3\.org)/, 'another origin'],
  [/href=\{(?!`#\/)/, 'a link that does not begin with #/'],
];

export function lint(name, text) {
  const found = [];
  text.split('\n').forEach((line, i) => {
    for (const [pattern, why] of FORBIDDEN) if (pattern.test(line)) found.push(`${name}:${i + 1}: ${why}`);
  });
  return found;
}

function sources(folder) {
  return readdirSync(folder, {withFileTypes: true}).flatMap(entry =>
    entry.isDirectory() ? sources(join(folder, entry.name)) : [join(folder, entry.name)]);
}

function lockFaults() {
  const lock = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages).filter(([name]) => name !== '').flatMap(([name, one]) => [
    ...(one.integrity ? [] : [`package-lock.json: ${name} has no integrity`]),
    ...(one.resolved ? [`package-lock.json: ${name} names a registry`] : []),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  let passed = 0;
  let failed = 0;
  const one = (name, faults) => {
    console.log(`${faults.length === 0 ? 'ok     ' : 'not ok '} ${name}`);
    faults.forEach(fault => console.log(`  ${fault}`));
    if (faults.length === 0) ++passed;
    else ++failed;
  };
  const types = spawnSync(process.execPath, [join(here, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit', '--project', here], {encoding: 'utf8'});
  one('types', types.status === 0 ? [] : [types.stdout + types.stderr]);
  one('rules of the sources', sources(join(here, 'src')).flatMap(path => lint(path.slice(here.length + 1), readFileSync(path, 'utf8'))));
  one('the lock', lockFaults());
  const tests = await runTests(['--test-reporter=tap']);
  const counted = word => Number(tests.stdout.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0);
  if (tests.status !== 0 || counted('pass') === 0) console.log(tests.stdout + tests.stderr);
  passed += counted('pass');
  failed += counted('fail') + (tests.status !== 0 && counted('fail') === 0 ? 1 : 0);
  if (process.argv[2]) writeFileSync(process.argv[2], `${passed} ${failed} ${counted('skipped')}\n`);
  console.log(`page: ${passed} ok, ${failed} not ok`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
