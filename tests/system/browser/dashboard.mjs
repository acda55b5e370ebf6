// The operator's page in a real browser against a real relay. Run by dashboard_test.py, which makes the relay; one line of JSON per test.
import {readFileSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {PAYLOADS} from './payloads.mjs';
import {PAGES, accessibility, api, assert, call, eventually, figures, go, offers, openPage, operator, runAll, same, signIn, test, world} from './rig.mjs';

test('the token is asked for, checked, and kept in this tab only', async () => {
  const it = await openPage({signedIn: false, allow: text => text.includes('401')});
  const {page, context} = it;
  await page.locator('#token').fill('ba-' + '0'.repeat(48));
  await page.keyboard.press('Enter');
  await page.getByText('This token was refused.').waitFor();
  same(await page.evaluate(() => sessionStorage.length), 0, 'kept after a refusal');
  await signIn(page, world.token);
  const kept = await page.evaluate(() => ({session: Object.values(sessionStorage), local: JSON.stringify(localStorage), cookies: document.cookie}));
  same(kept.session, [world.token]);
  assert(!kept.local.includes(world.token) && kept.cookies === '', 'the token is kept elsewhere');
  await page.reload();
  await page.locator('nav').waitFor();
  const other = await context.newPage();
  await other.goto(world.admin + '/');
  await other.locator('#token').waitFor();
  await page.getByRole('button', {name: 'Sign out'}).click();
  await page.locator('#token').waitFor();
  same(await page.evaluate(() => sessionStorage.length), 0, 'kept after signing out');
  it.clean();
  await it.close();
});

test('the first page is small and shows live figures within a second', async () => {
  const it = await openPage();
  const {page, context} = it;
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.setCacheDisabled', {cacheDisabled: true});
  const bytes = new Map();  // by request, heads included: all that came, and what a stream that has not ended has sent
  devtools.on('Network.requestWillBeSent', event => { bytes.set(event.requestId, 0); });
  devtools.on('Network.responseReceived', event => { bytes.set(event.requestId, Math.max(bytes.get(event.requestId) ?? 0, event.response.encodedDataLength)); });
  devtools.on('Network.dataReceived', event => { bytes.set(event.requestId, (bytes.get(event.requestId) ?? 0) + event.encodedDataLength); });
  devtools.on('Network.loadingFinished', event => { bytes.set(event.requestId, event.encodedDataLength); });
  const times = [];
  // A busy machine is late now and then: what the page can do is the best of some.
  while (times.length === 0 || (Math.min(...times) >= 1000 && times.length < 10)) {
    bytes.clear();
    const began = Date.now();
    await page.reload({waitUntil: 'commit'});
    await page.waitForFunction(() => document.querySelector('.link.live') && document.querySelector('.tile dd'), null, {polling: 20});
    times.push(Date.now() - began);
  }
  figures.live_after_ms = times;
  figures.first_page_requests = bytes.size;
  figures.first_page_bytes = [...bytes.values()].reduce((sum, one) => sum + one, 0);
  assert(bytes.size >= 4 && bytes.size <= 8, `${bytes.size} requests`);
  assert(figures.first_page_bytes > 10_000, `only ${figures.first_page_bytes} bytes were seen`);
  assert(figures.first_page_bytes < 150 * 1024, `the first page weighs ${figures.first_page_bytes} bytes`);
  assert(Math.min(...times) < 1000, `live figures came after ${times} ms`);
  it.clean();
  await it.close();
}, ['/live']);

test('a call shows up as it ends', async () => {
  const it = await openPage();
  const {page} = it;
  await page.locator('.link.live').waitFor();
  const times = [];
  while (times.length === 0 || (Math.min(...times) >= 1000 && times.length < 8)) {
    const before = await page.locator('tbody tr').count();
    assert(before < 12, 'the list is full');
    same((await call({key: world.key})).status, 200);
    const ended = Date.now();
    await page.waitForFunction(count => document.querySelectorAll('tbody tr').length > count, before, {polling: 20});
    times.push(Date.now() - ended);
  }
  figures.call_shown_after_ms = times;
  assert(Math.min(...times) < 1000, `after ${times} ms`);
  await eventually(async () => Number((await page.locator('.tile').first().innerText()).match(/([\d,]+) since/)?.[1].replace(',', '')) > 0, 'the count since start');
  it.clean();
  await it.close();
}, ['/live', '/calls']);

// Colours differ by theme and layouts by width, so that two of the four have all that axe can see.
for (const [theme, width, axe] of [['light', 1280, true], ['dark', 1280, false], ['light', 360, false], ['dark', 360, true]]) {
  test(`every page ${axe ? 'is accessible and ' : ''}fits, ${theme} at ${width}`, async () => {
    const it = await openPage({theme, width, height: 760});
    for (const name of PAGES) {
      await go(it.page, name);
      assert((await it.page.locator('h1').innerText()).length > 0, `${name} has no heading`);
      same(await it.page.locator('[role=alert]').allInnerTexts(), [], `${name} shows an error`);
      const over = await it.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(over <= 0, `${name} is ${over} px too wide`);
      if (axe) same(await accessibility(it.page), [], name);
    }
    it.clean();
    await it.close();
  });
}

test('the token’s page is accessible', async () => {
  const it = await openPage({signedIn: false, width: 360});
  same(await accessibility(it.page), []);
  it.clean();
  await it.close();
});

test('languages and appearance are chosen and kept', async () => {
  const it = await openPage({locale: 'zh-CN'});
  const {page} = it;
  same(await page.locator('html').getAttribute('lang'), 'zh-CN');
  for (const name of PAGES) {
    await go(page, name);
    assert(/\p{Script=Han}/u.test(await page.locator('h1').innerText()), `${name} is not in Chinese`);
  }
  same(await accessibility(page), []);
  await page.getByLabel('语言').selectOption('en');
  await page.getByRole('heading', {name: 'Settings', level: 1}).waitFor();
  const look = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await look();
  await page.getByRole('button', {name: /^Appearance/}).click();
  await page.getByRole('button', {name: /^Appearance: Light/}).click();
  assert(await look() !== light, 'dark looks like light');
  await page.reload();
  await page.locator('nav').waitFor();
  same(await page.locator('html').evaluate(html => [html.lang, html.dataset.theme]), ['en', 'dark']);
  it.clean();
  await it.close();
});

test('everything can be reached by keyboard', async () => {
  const it = await openPage();
  const {page} = it;
  await go(page, 'accounts');
  await page.reload();
  await page.locator('nav').waitFor();
  await page.keyboard.press('Tab');
  same(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement.tagName === 'MAIN');
  await page.getByRole('button', {name: 'Park', exact: true}).first().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  assert(await page.evaluate(() => !!document.activeElement.closest('dialog')), 'the focus is not in the dialogue');
  for (let i = 0; i < 8; ++i) {
    await page.keyboard.press('Tab');
    assert(await page.evaluate(() => document.activeElement === document.body || !!document.activeElement.closest('dialog')), 'the focus left the dialogue');
  }
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({state: 'detached'});
  await page.locator('nav a', {hasText: 'Keys'}).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'Keys', level: 1}).waitFor();
  await page.waitForFunction(() => document.activeElement.tagName === 'MAIN');  // the focus goes with the page
  it.clean();
  await it.close();
});

const takesBudgets = (await api('GET', '/openapi.json')).components?.schemas?.NewKey?.properties?.budget !== undefined;
const panel = (page, name) => page.locator('section.panel', {has: page.getByRole('heading', {name, exact: true})});

test('accounts are parked, drained, released and tested', async () => {
  const it = await openPage();
  const {page} = it;
  await go(page, 'accounts');
  const one = panel(page, 'org-a');
  const state = async () => (await api('GET', '/accounts')).accounts.find(account => account.name === 'org-a').state;
  const act = async (button, reason) => {
    await one.getByRole('button', {name: button, exact: true}).click();
    const dialog = page.getByRole('dialog');
    if (reason) await dialog.getByLabel(/Reason/).fill(reason);
    await dialog.getByRole('button', {name: button, exact: true}).click();
    await dialog.waitFor({state: 'detached'});
  };
  await act('Park', 'a new cable');
  await one.getByText('parked', {exact: true}).waitFor();
  await one.getByText(/a new cable/).waitFor();
  same(await state(), 'parked');
  await act('Release');
  await one.getByText('ready', {exact: true}).waitFor();
  same(await state(), 'ready');
  await act('Drain');
  await one.getByText('draining', {exact: true}).waitFor();
  same(await state(), 'draining');
  await act('Release');
  await one.getByText('ready', {exact: true}).waitFor();
  await act('Test');
  await page.getByText(/org-a answered 200/).waitFor();
  it.clean();
  await it.close();
}, ['/accounts', '/accounts/{name}/test']);

test('keys are made, shown once, rotated and revoked', async () => {
  const it = await openPage({permissions: ['clipboard-read', 'clipboard-write']});
  const {page} = it;
  await go(page, 'keys');
  await page.getByRole('button', {name: 'New key'}).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('web-ci');
  await dialog.getByLabel('Team').fill('web');
  await dialog.getByLabel('Valid for').fill('30d');
  const budgets = takesBudgets;
  if (budgets) await dialog.getByLabel('Budget a day').fill('50');
  await dialog.getByRole('button', {name: 'Create key'}).click();
  const secretField = dialog.getByLabel('Key', {exact: true});
  const secret = await secretField.inputValue();
  assert(/^bk-[0-9a-f]{40,}$/.test(secret), 'that is no key');
  await dialog.getByRole('button', {name: 'Copy'}).click();
  same(await page.evaluate(() => navigator.clipboard.readText()), secret);
  await dialog.getByRole('button', {name: 'Close'}).last().click();
  const row = page.locator('tbody tr', {hasText: 'web-ci'});
  await row.getByText('active').waitFor();
  if (budgets) await row.getByText(/of \$50\.00 per day/).waitFor();
  assert(!(await page.content()).includes(secret), 'the key is still in the page');
  await eventually(async () => (await call({key: secret})).status === 200, 'the key works');

  if (offers('/keys/{name}')) {
    await row.getByRole('button', {name: 'Change: web-ci'}).click();
    await dialog.getByLabel('Calls per minute').fill('6000');
    await dialog.getByLabel('Budget a day').fill('');
    await dialog.getByLabel('Budget a month').fill('700.5');
    await dialog.getByRole('button', {name: 'Save'}).click();
    await page.getByText('web-ci is changed.').waitFor();
    await row.getByText(/of \$700\.50 per month/).waitFor();
    const changed = (await api('GET', '/keys')).keys.find(one => one.name === 'web-ci');
    same([changed.rights.requests_per_minute, changed.budget.day ?? null, Number(changed.budget.month)], [6000, null, 700.5], 'as it is kept');
  }
  if (offers('/teams')) {
    const team = page.locator('section.panel', {has: page.getByRole('heading', {name: 'Teams', exact: true})}).locator('tbody tr', {hasText: 'web'});
    await team.getByRole('button', {name: 'Change: web'}).click();
    await dialog.getByLabel('Budget a day').fill('90');
    await dialog.getByRole('button', {name: 'Save'}).click();
    await team.getByText(/of \$90\.00 per day/).waitFor();
    same((await api('GET', '/teams')).teams.find(one => one.name === 'web').budget.day.replace(/\.00$/, ''), '90');
  }

  await row.getByRole('button', {name: 'Rotate: web-ci'}).click();
  await dialog.getByRole('button', {name: 'Rotate'}).click();
  const second = await secretField.inputValue();
  assert(second !== secret, 'the same key again');
  await page.keyboard.press('Escape');
  await eventually(async () => (await call({key: second})).status === 200, 'the new key works');
  await eventually(async () => (await call({key: secret})).status === 401, 'the old key has ended');

  await row.getByRole('button', {name: 'Revoke: web-ci'}).first().click();
  await dialog.getByRole('button', {name: 'Revoke'}).click();
  await page.getByText('web-ci is revoked.').waitFor();
  await eventually(async () => (await call({key: second})).status === 401, 'the key is refused');
  await page.getByLabel('Show revoked and expired').check();
  await page.locator('tbody tr', {hasText: 'web-ci'}).getByText('revoked').first().waitFor();

  await page.getByRole('button', {name: 'New key'}).click();
  await dialog.getByLabel('Name').fill('a/b');
  await dialog.getByRole('button', {name: 'Create key'}).click();
  await dialog.getByRole('alert').waitFor();
  await page.keyboard.press('Escape');
  it.trouble.splice(0, it.trouble.length, ...it.trouble.filter(text => !/status of 4\d\d/.test(text)));  // the refused name
  it.clean();
  await it.close();
}, ['/keys']);

test('calls are listed, filtered and told attempt by attempt', async () => {
  const key = world.key;
  for (let i = 0; i < 6; ++i) await call({key});
  same((await call({key: 'bk-' + '0'.repeat(48)})).status, 401);
  const it = await openPage();
  const {page} = it;
  await go(page, 'calls');
  await page.locator('tbody tr').nth(5).waitFor();
  await page.getByLabel('Status').selectOption('2');
  const statuses = await page.locator('tbody tr td[data-label=Status]').allInnerTexts();
  assert(statuses.length >= 6 && statuses.every(text => text.startsWith('2')), `shown: ${statuses}`);
  await page.getByLabel('Find in id, model, team').fill('no such model');
  await page.getByText('No call matches.').waitFor();
  await page.getByLabel('Find in id, model, team').fill('');
  const moved = (await api('GET', '/calls?limit=100')).calls.find(one => one.attempts >= 2);
  assert(moved, 'no call moved from the account that is down');
  await go(page, `calls/${moved.id}`);
  await page.getByRole('heading', {name: 'Attempts over time'}).waitFor();
  same(await page.locator('.timeline li').count(), moved.attempts);
  same(await page.locator('tbody tr').count(), moved.attempts);
  await page.locator('tbody tr', {hasText: 'org-a'}).getByText('200').waitFor();
  same(await accessibility(page), []);
  it.clean();
  await it.close();
}, ['/calls']);

test('spend is shown by key, model and day', async () => {
  const it = await openPage();
  const {page} = it;
  await go(page, 'spend');
  await eventually(async () => (await api('GET', '/usage?by=key')).rows.length > 0, 'a booked row', 15_000);
  for (const [by, want] of [['key', world.keyName], ['model', 'claude-sonnet-5-5'], ['day', new Date().toISOString().slice(0, 10)]]) {
    await page.getByLabel('By', {exact: true}).selectOption(by);
    const row = page.locator('tbody tr', {hasText: want});
    await row.first().waitFor();
    assert(/\$\d/.test(await row.first().innerText()), `${by}: no cost`);
  }
  const download = page.waitForEvent('download');
  await page.getByRole('button', {name: 'Save as CSV'}).click();
  const text = readFileSync(await (await download).path(), 'utf8');
  assert(text.startsWith('name,calls,') && text.split('\r\n').length >= 3, text);
  it.clean();
  await it.close();
}, ['/usage']);

test('kept replies are counted and purged', async () => {
  const key = world.key;
  const ask = () => call({key, stream: false, fields: {'baton-cache': 'on'}});
  same([(await ask()).status, (await ask()).status], [200, 200]);
  await eventually(async () => (await api('GET', '/cache')).entries >= 1, 'a kept reply');
  const it = await openPage();
  const {page} = it;
  await go(page, 'cache');
  await page.getByRole('button', {name: 'Purge'}).click();
  await page.getByRole('dialog').getByRole('button', {name: 'Purge'}).click();
  await page.getByText(/[1-9]\d* replies were purged/).waitFor();
  same((await api('GET', '/cache')).entries, 0);
  it.clean();
  await it.close();
}, ['/cache', '/cache/purge']);

async function makeBatch() {
  const reply = await fetch(`${world.url}/v1/messages/batches`, {method: 'POST', headers: {'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': world.key},
    body: JSON.stringify({requests: [{custom_id: 'a', params: {model: 'claude-sonnet-5-5', max_tokens: 16, messages: [{role: 'user', content: 'Hello'}]}}]})});
  same(reply.status, 200);
  return (await reply.json()).id;
}

test('batches are listed', async () => {
  const id = await makeBatch();
  const it = await openPage();
  await go(it.page, 'jobs');
  await it.page.locator('tbody tr', {hasText: id}).getByText('org-a').waitFor();
  it.clean();
  await it.close();
}, ['/jobs']);

test('the configuration is read again, a bad one is refused, and both are in the audit log', async () => {
  const it = await openPage({allow: text => text.includes('422')});
  const {page} = it;
  await go(page, 'settings');
  const good = readFileSync(world.config, 'utf8');
  const reload = async () => {
    await page.getByRole('button', {name: 'Reload'}).click();
    await page.getByRole('dialog').getByRole('button', {name: 'Reload'}).click();
    await page.getByRole('dialog').waitFor({state: 'detached'});
  };
  await reload();
  await page.getByText(/Revision \d+ is in force\./).waitFor();
  writeFileSync(world.config, good + 'no_such_setting: 1\n');
  await reload();
  await page.getByText(/Rejected: .*no_such_setting/).waitFor();
  writeFileSync(world.config, good);
  const {entries} = await api('GET', '/audit?limit=100');
  assert(entries.some(entry => /reload/.test(entry.action)), 'no reload in the audit log');
  const row = page.locator('tbody tr', {hasText: /reload/});
  await row.first().waitFor();
  assert(await row.count() >= 2, 'both reloads are listed');
  it.clean();
  await it.close();
}, ['/reload', '/audit']);

test('a lost connection is said and made again', async () => {
  const it = await openPage({allow: text => /ERR_INTERNET_DISCONNECTED|ERR_NETWORK/.test(text)});
  const {page, context} = it;
  await page.locator('.link.live').waitFor();
  let broken = true;
  await page.route('**/admin/v1/live', route => broken ? route.abort('internetdisconnected') : route.continue());
  await page.reload();
  await page.locator('.link.lost').waitFor();
  assert(/again in \d+ s/.test(await page.locator('.link.lost').innerText()), 'it does not say when');
  broken = false;
  await page.locator('.link.live').waitFor();
  await context.setOffline(false);
  it.clean();
  await it.close();
}, ['/live']);

test('a token that ends brings the question back', async () => {
  const it = await openPage({allow: text => text.includes('401')});
  await it.page.route('**/admin/v1/accounts', route => route.fulfill({status: 401, contentType: 'application/json', body: '{"type":"error","error":{"type":"authentication_error","message":"no"}}'}));
  await it.page.evaluate(() => { location.hash = '#/accounts'; });
  await it.page.getByText('This token was refused.').waitFor();
  same(await it.page.evaluate(() => sessionStorage.length), 0);
  it.clean();
  await it.close();
});

// Every string of a reply becomes the payload, what is not set too; every list holds its first entry once with each payload. Names of
// fields and figures stay. So no field can be forgotten.
function poisoned(value, payload, each = true) {
  if (typeof value === 'string' || value === null) return payload;
  if (Array.isArray(value)) return (each ? PAYLOADS : [payload]).map(one => poisoned(value[0] ?? '', one, false));
  if (typeof value !== 'object') return value;
  return {...Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poisoned(item, payload, each)])), [payload]: payload};
}

test('thirty payloads in every name stay text', async () => {
  same(new Set(PAYLOADS).size, 30, 'payloads');
  const it = await openPage({allow: text => text.includes('ERR_ABORTED')});
  const {page} = it;
  // An entry in every list, to be poisoned.
  same((await call({key: world.key})).status, 200);
  await makeBatch();
  if ((await api('GET', '/keys')).keys.length === 0) await api('POST', '/keys', {name: 'to-be-poisoned'});
  const one = await eventually(async () => (await api('GET', '/calls?limit=1')).calls[0], 'a call');
  await eventually(async () => (await api('GET', '/usage?by=key')).rows.length > 0, 'a booked row');
  await eventually(async () => (await api('GET', '/jobs')).jobs.length > 0, 'a batch');
  const paths = ['overview', 'accounts', 'keys', 'usage?by=key', 'calls', 'cache', 'jobs', 'config', 'audit', `calls/${one.id}`];
  const real = Object.fromEntries(await Promise.all(paths.map(async path => [path.split('?')[0], await api('GET', `/${path}`)])));
  await page.route('**/admin/v1/**', route => {
    const path = decodeURIComponent(new URL(route.request().url()).pathname.slice('/admin/v1/'.length));
    const asked = path.startsWith('calls/') ? path.slice('calls/'.length) : PAYLOADS[0];
    if (path === 'live') {
      const event = (name, body) => `event: ${name}\ndata: ${JSON.stringify(body)}\n\n`;
      const shown = {...poisoned(real.overview, PAYLOADS[0]), now: real.overview.now, degraded: Object.fromEntries(PAYLOADS.map(text => [text, text]))};
      return route.fulfill({contentType: 'text/event-stream', body: event('overview', shown) + PAYLOADS.map(text => event('call', poisoned(one, text))).join('')});
    }
    const body = real[path.startsWith('calls/') ? `calls/${one.id}` : path];
    return route.fulfill({contentType: 'application/json', body: JSON.stringify(poisoned(body, asked, !path.startsWith('calls/')))});
  });
  await page.reload();
  await page.locator('nav').waitFor();
  const check = async (name, wanted) => {
    // A table's cells show a NUL as what JSON made of it; a line of twelve calls holds only the last ones.
    const text = await eventually(async () => {
      const shown = await page.locator('main').evaluate(main => main.textContent);
      return wanted.every(one => shown.includes(one)) ? shown : null;
    }, `${name} does not show ${wanted.length === 1 ? wanted[0] : 'them all'}`);
    assert(text.length > 0, name);
    const made = await page.evaluate(() => document.querySelectorAll(':is(main, dialog, .notes) :is(script, iframe, img, object, embed, link, style, base, meta, video, math, mglyph, form[action], [onclick], [onerror], [onload])').length);
    same(made, 0, `${name} made elements of a payload`);
    for (const href of await page.locator('a').evaluateAll(links => links.map(link => link.getAttribute('href')))) assert(href.startsWith('#/'), `a link leads to ${href}`);
  };
  for (const name of PAGES) {
    await go(page, name);
    if (name === 'keys') await page.getByRole('checkbox').check();
    await check(name, name === 'cache' ? [] : PAYLOADS);
  }
  for (const payload of PAYLOADS) {
    await go(page, `calls/${encodeURIComponent(payload)}`);
    await check('a call', [payload]);
  }
  it.clean();
  await it.close();
}, ['/overview', '/accounts', '/keys', '/usage', '/calls', '/cache', '/jobs', '/config', '/audit']);

test('what the relay lets through of the payloads stays text', async () => {
  const it = await openPage({allow: text => /status of 4\d\d/.test(text)});
  const {page} = it;
  let taken = 0;
  for (const [i, payload] of PAYLOADS.entries()) {
    await call({key: world.key, model: payload.replace(/[\0-\x1f]/g, '')});
    const reply = await fetch(`${world.admin}/admin/v1/keys`, {method: 'POST', headers: {authorization: `Bearer ${operator()}`, 'content-type': 'application/json'}, body: JSON.stringify({name: `x${i}`, team: payload})});
    if (reply.ok) ++taken;
    else assert(reply.status === 400 || reply.status === 422 || reply.status === 429, `a team of ${payload} answered ${reply.status}`);
    const refused = await fetch(`${world.admin}/admin/v1/keys`, {method: 'POST', headers: {authorization: `Bearer ${operator()}`, 'content-type': 'application/json'}, body: JSON.stringify({name: payload})});
    assert(!refused.ok, `a key of the name ${payload} was made`);
  }
  figures.payload_teams_taken = taken;
  await api('POST', '/accounts/org-a/park', {reason: PAYLOADS[1]});
  for (const name of PAGES) await go(page, name);
  await go(page, 'accounts');
  await panel(page, 'org-a').getByText(PAYLOADS[1]).waitFor();
  await api('POST', '/accounts/org-a/release');
  await go(page, 'calls');
  await page.getByText(PAYLOADS[1]).first().waitFor();
  it.clean();
  await it.close();
}, ['/keys', '/calls', '/accounts']);

// A page of another origin that even knows the token.
const EVIL = `<!doctype html><title>evil</title><script>
const out = {};
const attempt = async (name, run) => { try { out[name] = await run(); } catch (error) { out[name] = 'refused'; } };
(async () => {
  const admin = '${world.admin}', token = '${world.token}';
  const told = {authorization: 'Bearer ' + token};
  const text = async options => (await fetch(admin + '/admin/v1/overview', options)).text();
  await attempt('read', () => text({}));
  await attempt('read with the token', () => text({headers: told}));
  await attempt('read with credentials', () => text({credentials: 'include'}));
  await attempt('read the page', async () => (await fetch(admin + '/')).text());
  await attempt('read metrics', async () => (await fetch(admin + '/metrics')).text());
  await attempt('opaque read', async () => (await (await fetch(admin + '/admin/v1/keys', {mode: 'no-cors'})).text()) || 'refused');
  const park = admin + '/admin/v1/accounts/org-a/park';
  await attempt('change with the token', async () => (await fetch(park, {method: 'POST', headers: {...told, 'content-type': 'application/json'}, body: '{}'})).text());
  await attempt('simple change', async () => (await (await fetch(park, {method: 'POST', mode: 'no-cors', body: '{}'})).text()) || 'refused');
  await attempt('script', () => new Promise((done, fail) => { const s = document.createElement('script'); s.src = admin + '/assets/'; s.onload = () => done('loaded'); s.onerror = fail; document.head.append(s); }));
  await attempt('frame', () => new Promise((done, fail) => { const f = document.createElement('iframe'); f.src = admin + '/'; f.onload = () => { try { done(f.contentWindow.length >= 0 && f.contentDocument ? f.contentDocument.body.innerHTML || 'refused' : 'refused'); } catch { done('refused'); } }; document.body.append(f); }));
  const form = document.createElement('form');
  Object.assign(form, {method: 'post', action: park, target: 'sink', enctype: 'text/plain'});
  form.innerHTML = '<input name="{&quot;reason&quot;:&quot;" value="&quot;}">';
  const sink = document.createElement('iframe');
  sink.name = 'sink';
  document.body.append(sink, form);
  form.submit();
  await new Promise(done => setTimeout(done, 500));
  window.done = out;
})();
</script><body>`;

test('a page of another origin reads nothing and changes nothing', async () => {
  const server = createServer((_, reply) => reply.writeHead(200, {'content-type': 'text/html'}).end(EVIL));
  await new Promise(done => server.listen(0, '127.0.0.1', done));
  const {port} = server.address();
  const stand = async () => [(await api('GET', '/accounts')).accounts.map(account => [account.name, account.state === 'parked']), (await api('GET', '/keys')).keys.length, (await api('GET', '/audit?limit=1')).entries[0]?.seq];
  const before = await stand();
  const context = await (await import('./rig.mjs')).browser.newContext();
  for (const host of ['127.0.0.1', 'localhost']) {
    const page = await context.newPage();
    await page.goto(`http://${host}:${port}/`);
    const out = await (await page.waitForFunction(() => window.done)).jsonValue();
    assert(Object.keys(out).length === 10, `${host}: tried ${Object.keys(out)}`);
    for (const [name, what] of Object.entries(out)) same(what, 'refused', `${host}, ${name}`);
    await page.close();
  }
  const opener = await context.newPage();
  await opener.goto(`http://127.0.0.1:${port}/`);
  same(await opener.evaluate(async admin => {
    const opened = open(admin + '/');
    await new Promise(done => setTimeout(done, 700));
    try { return opened.closed ? 'cut off' : typeof opened.document; } catch { return 'cut off'; }
  }, world.admin), 'cut off');
  same(await stand(), before, 'something changed');
  server.close();
  await context.close();
}, ['/accounts', '/keys', '/audit']);

// The pictures of docs/screenshots: a relay in use, with keys, budgets, models, kept replies and an account that is down.
async function scene() {
  const keys = {};
  for (const [name, team, budget] of [['anna', 'search', '20'], ['web-ci', 'web', '0.25'], ['batch-night', 'data', null], ['assistant', 'web', '5']])
    keys[name] = (await api('POST', '/keys', {name, team, tags: 'env=demo', ...(budget && takesBudgets ? {budget: {day: budget}} : {})})).secret;
  await eventually(async () => (await call({key: keys.anna})).status === 200, 'the keys are known');
  await api('POST', '/accounts/spare/park', {reason: 'kept for the weekend'});
  const models = ['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5'];
  const names = Object.keys(keys);
  let turn = 0;
  return setInterval(() => {
    const again = ++turn % 5 === 0;
    void call({key: keys[names[turn % names.length]], model: turn % 37 === 0 ? 'claude-unknown' : models[turn % models.length], stream: turn % 3 !== 0,
      ...(again ? {key: keys.anna, model: models[1], stream: false, fields: {'baton-cache': 'on'}} : {})}).catch(() => {});
  }, 120);
}

if (world.screenshots) {
  const shots = [['overview', 'light', 1280, 940], ['overview', 'dark', 1280, 940], ['accounts', 'light', 1280, 620], ['keys', 'light', 1280, 620], ['call', 'light', 1280, 760],
    ['spend', 'dark', 1280, 560], ['overview', 'dark', 390, 844], ['overview', 'light', 1280, 940, 'zh-CN']];
  test('screenshots', async () => {
    const busy = await scene();
    const first = await openPage();
    await makeBatch();
    await new Promise(done => setTimeout(done, 45_000));
    await first.close();
    for (const [name, theme, width, height, locale] of shots) {
      const it = await openPage({theme, width, height, ...(locale ? {locale} : {})});
      const moved = name === 'call' ? (await api('GET', '/calls?limit=500')).calls.find(one => one.attempts >= 2) : null;
      await go(it.page, moved ? `calls/${moved.id}` : name);
      await new Promise(done => setTimeout(done, name === 'overview' ? 25_000 : 1500));
      const devtools = await it.context.newCDPSession(it.page);
      const {data} = await devtools.send('Page.captureScreenshot', {format: 'webp', quality: 80});
      writeFileSync(`${world.screenshots}/${name}-${theme}${width < 500 ? '-phone' : ''}${locale ? '-zh' : ''}.webp`, Buffer.from(data, 'base64'));
      await it.close();
    }
    clearInterval(busy);
  });
}

await runAll();
