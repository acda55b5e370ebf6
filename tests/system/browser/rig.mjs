// What the browser tests stand on: a headless Chromium, pages that report whatever must not happen, and results as lines of JSON.
import {execFileSync} from 'node:child_process';
import {createRequire} from 'node:module';
import {join} from 'node:path';

export const world = JSON.parse(process.env.BATON_DASHBOARD);  // url, admin, token, operators, config, clients, screenshots, needles
const load = createRequire(join(world.clients, 'package.json'));
const {chromium} = load('playwright-core');
const axe = load('axe-core').source;

function chromiumPath() {
  for (const name of ['chromium-headless-shell', 'chromium']) {
    try { return execFileSync('sh', ['-c', `command -v ${name}`], {encoding: 'utf8'}).trim(); } catch { /* the next one */ }
  }
  throw new Error('no chromium: ./dev installs it');
}

export const browser = await chromium.launch({executablePath: chromiumPath(), args: process.getuid() === 0 ? ['--no-sandbox'] : []});

// What the relay says that it offers; a test of something else is left out.
const document = await fetch(`${world.admin}/admin/v1/openapi.json`, {headers: {authorization: `Bearer ${world.token}`}}).then(reply => reply.ok ? reply.json() : {paths: {}});
export const offers = path => `/admin/v1${path}` in document.paths;

const SOURCES = {overview: '/overview', accounts: '/accounts', keys: '/keys', calls: '/calls', spend: '/usage', cache: '/cache', jobs: '/jobs', settings: '/config'};
export const PAGES = Object.keys(SOURCES).filter(name => offers(SOURCES[name]));

export function assert(condition, text) {
  if (!condition) throw new Error(text);
}

export function same(got, want, text = '') {
  assert(JSON.stringify(got) === JSON.stringify(want), `${text}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

export async function eventually(check, what, ms = 20_000) {
  const until = Date.now() + ms;
  for (;;) {
    const found = await check();
    if (found) return found;
    assert(Date.now() < until, `not within ${ms} ms: ${what}`);
    await new Promise(done => setTimeout(done, 100));
  }
}

// A window of its own. `trouble` collects errors, refused resources, dialogues, scripts that ran and requests to anywhere else.
export async function openPage({width = 1280, height = 900, theme = 'light', locale = 'en-US', signedIn = true, allow = () => false, ...more} = {}) {
  const context = await browser.newContext({viewport: {width, height}, colorScheme: theme, locale, ...more});
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const trouble = [];
  const add = text => { if (!allow(text)) trouble.push(text); };
  await page.exposeFunction('__ran', what => trouble.push(`a script ran: ${what}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', event => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) add(`console: ${message.text()}`); });
  page.on('pageerror', error => add(`error: ${error.stack}`));
  page.on('dialog', dialog => { trouble.push(`a dialogue: ${dialog.message()}`); void dialog.dismiss(); });
  page.on('request', request => { if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(world.admin)) trouble.push(`a request to ${request.url()}`); });
  page.on('response', reply => {
    if (reply.headers()['content-type']?.startsWith('application/json') && reply.request().method() === 'GET')
      void reply.text().then(text => { try { leaks(text, reply.url()); } catch (error) { trouble.push(error.message); } }, () => {});
  });
  await page.goto(world.admin + '/');
  if (signedIn) await signIn(page, world.token);
  const clean = () => same(trouble, [], 'trouble');
  const close = async () => {
    for (const one of context.pages()) leaks(await one.content(), 'the page');
    await context.close();
  };
  return {page, context, trouble, clean, close};
}

// Neither the page as it stands nor what it was sent holds a secret; `needles` are their forms.
export function leaks(text, where) {
  const folded = text.toLowerCase();
  const found = world.needles.filter(([, needle, fold]) => (fold ? folded : text).includes(needle)).map(([name, needle]) => `${name} ${needle.slice(0, 6)}…`);
  same(found, [], `a secret stands in ${where}`);
}

export async function signIn(page, token) {
  await page.locator('#token').fill(token);
  await page.keyboard.press('Enter');
  await page.locator('nav').waitFor();
}

export async function go(page, name) {
  await page.evaluate(path => { location.hash = `#/${path}`; }, name);
  await page.waitForFunction(path => document.querySelector('nav a[aria-current]')?.getAttribute('href') === `#/${path.split('/')[0]}`, name);
  await page.waitForFunction(() => !document.querySelector('main .empty[role=status]'));
}

// What axe finds amiss on the page as it is.
export async function accessibility(page) {
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => window.axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}));
  return violations.flatMap(one => one.nodes.map(node => `${one.id} (${one.impact}): ${node.target} ${node.html.slice(0, 120)} ${node.any.map(c => c.message)[0] ?? ''}`));
}

// The tests' own calls take turns with these tokens: each has only so many calls a second, and the page's are its own.
let turn = 0;
export const operator = () => world.operators[turn++ % world.operators.length];

export async function api(method, path, body) {
  const reply = await fetch(`${world.admin}/admin/v1${path}`, {method, headers: {authorization: `Bearer ${operator()}`, ...(body ? {'content-type': 'application/json'} : {})},
    ...(body ? {body: JSON.stringify(body)} : {})});
  assert(reply.ok, `${method} ${path} answered ${reply.status}: ${(await reply.clone().text()).slice(0, 300)}`);
  return reply.json();
}

// A call of a client through the relay. Returns its status and id.
export async function call({key, model = 'claude-sonnet-5-5', stream = true, fields = {}} = {}) {
  const reply = await fetch(`${world.url}/v1/messages`, {method: 'POST', headers: {'content-type': 'application/json', 'anthropic-version': '2023-06-01', ...(key ? {'x-api-key': key} : {}), ...fields},
    body: JSON.stringify({model, max_tokens: 64, stream, messages: [{role: 'user', content: 'Hello'}]})});
  const text = await reply.text();
  return {status: reply.status, id: reply.headers.get('request-id') ?? reply.headers.get('baton-request-id'), text};
}

const kTestMs = world.screenshots ? 600_000 : 60_000;
const pause = ms => new Promise(done => setTimeout(done, ms));

const tests = [];
// `needs`: the paths of the API without which it cannot be done.
export function test(name, run, needs = []) {
  tests.push({name, run, missing: needs.filter(path => !offers(path))});
}

// Runs them in order, each result a line of JSON; `figures` are what was measured.
export const figures = {};
export async function runAll() {
  const wanted = process.argv[2];
  for (const {name, run, missing} of tests) {
    if (wanted && !name.includes(wanted)) continue;
    if (missing.length > 0) {
      console.log(JSON.stringify({name, left_out: `this relay has no ${missing}`}));
      continue;
    }
    const began = Date.now();
    let detail = '';
    let late;
    const limit = new Promise((_, fail) => { late = setTimeout(() => fail(new Error(`not done after ${kTestMs} ms`)), kTestMs); });
    try { await Promise.race([run(), limit]); } catch (error) { detail = error.stack ?? String(error); }
    clearTimeout(late);
    if (detail !== '') await Promise.race([Promise.all(browser.contexts().map(context => context.close().catch(() => {}))), pause(5000)]);  // its windows go on otherwise
    console.log(JSON.stringify({name, ok: detail === '', ms: Date.now() - began, detail}));
  }
  console.log(JSON.stringify({figures}));
  await Promise.race([browser.close(), pause(5000)]);
  process.exit(0);  // a browser that does not end is none of the tests' business: it goes with this process
}
