// Bundles test/*.test.ts and runs them under node's own test runner. Arguments go to it.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

export async function runTests(options = []) {
  const into = mkdtempSync(join(tmpdir(), 'baton-page-'));
  try {
    const names = readdirSync(join(here, 'test')).filter(name => name.endsWith('.test.ts'));
    await build({
      entryPoints: names.map(name => join(here, 'test', name)), absWorkingDir: here, bundle: true, platform: 'node', format: 'esm', outdir: into,
      outExtension: {'.js': '.mjs'}, jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'warning',
    });
    return spawnSync(process.execPath, ['--test', ...options, ...readdirSync(into).map(name => join(into, name))], {encoding: 'utf8'});
  } finally {
    rmSync(into, {recursive: true, force: true});
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const done = await runTests(process.argv.slice(2));
  process.stdout.write(done.stdout + done.stderr);
  process.exitCode = done.status ?? 1;
}
