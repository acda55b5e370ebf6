// Builds the page: bundles src/ into one script and one style sheet with hashed names, and writes build/page/embedded_page.cc, which
// the relay's build compiles in. Needs node and `npm ci`, reaches no network.
import {createHash} from 'node:crypto';
import {mkdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';
import {build} from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const into = process.argv[2] ?? join(here, '..', 'build', 'page');
const BYTES_MAX = 150 * 1024;  // of all files together, as they go over the wire

export async function bundle() {
  const result = await build({
    entryPoints: {app: join(here, 'src', 'main.tsx')},
    absWorkingDir: here, bundle: true, minify: true, format: 'esm', target: ['es2022'], write: false, outdir: into,
    legalComments: 'none', charset: 'utf8', jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'warning',
  });
  const files = new Map();
  const named = (name, extension, bytes) => {
    const path = `/assets/${name}-${hash(bytes).slice(0, 12)}.${extension}`;
    files.set(path, bytes);
    return path;
  };
  const output = extension => Buffer.from(result.outputFiles.find(file => file.path.endsWith(extension)).contents);
  const names = {
    js: named('app', 'js', output('.js')),
    css: named('app', 'css', output('.css')),
    icon: named('icon', 'svg', readFileSync(join(here, 'icon.svg'))),
  };
  const page = readFileSync(join(here, 'index.html'), 'utf8').replace(/{{(\w+)}}/g, (_, key) => names[key]);
  files.set('/', Buffer.from(page));
  return files;
}

export const TYPES = {html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml'};
export const typeOf = path => `${TYPES[path === '/' ? 'html' : path.split('.').pop()]}; charset=utf-8`;

function hash(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

function source(files) {
  let out = '// Made by web/build.mjs.\n#include "admin/page_files.h"\n\nnamespace baton::admin {\nnamespace {\n\n';
  let rows = '';
  let total = 0;
  let number = 0;
  for (const [path, bytes] of files) {
    const packed = gzipSync(bytes, {level: 9});
    total += packed.length;
    const lines = [];
    for (let i = 0; i < packed.length; i += 32) lines.push([...packed.subarray(i, i + 32)].join(','));
    out += `const unsigned char kFile${number}[] = {\n${lines.join(',\n')}};\n\n`;
    rows += `    {"${path}", "${typeOf(path)}", "\\"${hash(bytes).slice(0, 24)}\\"",\n` +
      `     {reinterpret_cast<const char*>(kFile${number}), sizeof kFile${number}}},\n`;
    ++number;
  }
  if (total > BYTES_MAX) throw new Error(`the page weighs ${total} bytes, more than ${BYTES_MAX}`);
  out += `const PageFile kFiles[] = {\n${rows}};\n\n}  // namespace\n\n`;
  out += 'std::span<const PageFile> embedded_page() { return kFiles; }\n\n}  // namespace baton::admin\n';
  return {out, total};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = await bundle();
  const {out, total} = source(files);
  const path = join(into, 'embedded_page.cc');
  let old = '';
  try { old = readFileSync(path, 'utf8'); } catch { rmSync(into, {recursive: true, force: true}); }
  mkdirSync(into, {recursive: true});
  if (old !== out) writeFileSync(path, out);
  console.log(`the page: ${files.size} files, ${(total / 1024).toFixed(1)} KB over the wire`);
}
