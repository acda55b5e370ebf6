// The frame of every page: who one is, where one is, whether the figures are live.
import type {ComponentType} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import {learn, refused, signIn, signOut, token} from './api';
import {choose, language, t} from './i18n';
import type {Text} from './i18n/en';
import {follow, forget, link, overview, relayNow} from './live';
import {AccountsPage} from './pages/accounts';
import {CachePage} from './pages/cache';
import {CallPage} from './pages/call';
import {CallsPage} from './pages/calls';
import {JobsPage} from './pages/jobs';
import {KeysPage} from './pages/keys';
import {OverviewPage} from './pages/overview';
import {SettingsPage} from './pages/settings';
import {SpendPage} from './pages/spend';
import {useStore} from './store';
import {chooseTheme, theme, type Theme} from './theme';
import * as fmt from './ui/fmt';
import {Icon} from './ui/icon';
import {dismiss, notes, place, useNow} from './ui/use';

const kPages: {path: string; name: Text; page: ComponentType}[] = [
  {path: 'overview', name: 'nav.overview', page: OverviewPage},
  {path: 'accounts', name: 'nav.accounts', page: AccountsPage},
  {path: 'keys', name: 'nav.keys', page: KeysPage},
  {path: 'calls', name: 'nav.calls', page: CallsPage},
  {path: 'spend', name: 'nav.spend', page: SpendPage},
  {path: 'cache', name: 'nav.cache', page: CachePage},
  {path: 'jobs', name: 'nav.jobs', page: JobsPage},
  {path: 'settings', name: 'nav.settings', page: SettingsPage},
];

export function App() {
  const locale = useStore(language);
  const known = useStore(token);
  useEffect(() => { document.documentElement.lang = locale === 'zh' ? 'zh-CN' : 'en'; }, [locale]);
  useEffect(() => {
    if (known === null) return forget();
    void learn().catch(() => {});  // then everything is tried
    return follow();
  }, [known]);
  return known === null ? <Gate key={locale} /> : <Frame key={locale} />;
}

function Gate() {
  const again = useStore(refused);
  const [empty, setEmpty] = useState(false);
  useEffect(() => { document.title = t('app.title', {page: t('gate.title')}); }, []);
  return (
    <main class="gate">
      <form class="panel" onSubmit={event => {
        event.preventDefault();
        const value = String(new FormData(event.currentTarget).get('token') ?? '').trim();
        if (/^[\x21-\x7e]+$/.test(value)) signIn(value);
        else setEmpty(true);
      }}>
        <div class="gate-brand"><Mark /><h1>Baton</h1></div>
        <p class="soft">{t('gate.explain')}</p>
        <label for="token">{t('gate.label')}</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck={false} autofocus
          aria-describedby="gate-error" aria-invalid={again || empty} />
        <p id="gate-error" class="error" role="alert">
          {(empty || again) && <><Icon name="bang" />{t(empty ? 'gate.empty' : 'gate.refused')}</>}
        </p>
        <button type="submit" class="primary">{t('gate.enter')}</button>
        <div class="gate-foot"><Choices /></div>
      </form>
    </main>
  );
}

function Frame() {
  const where = useStore(place);
  const name = where[0] || 'overview';
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const isCall = name === 'calls' && !!where[1];
  const found = kPages.find(page => page.path === name);
  const title = isCall ? t('calls.detail', {id: where[1]!}) : found ? t(found.name) : 'Baton';
  useEffect(() => {
    document.title = t('app.title', {page: title});
    if (!first.current) main.current?.focus();
    first.current = false;
    window.scrollTo(0, 0);
  }, [where.join('/')]);
  const Page = isCall ? CallPage : found?.page;
  return (
    <div class="frame">
      <header class="top">
        <a class="skip" href={`#/${where.join('/')}`} onClick={event => { event.preventDefault(); main.current?.focus(); }}>{t('app.skip')}</a>
        <a class="brand" href="#/overview"><Mark /><span>Baton</span></a>
        <Link />
        <div class="top-end">
          <Choices />
          <button type="button" class="quiet" aria-label={t('app.signOut')} onClick={() => signOut('asked')}><Icon name="out" /><span class="wide-only">{t('app.signOut')}</span></button>
        </div>
      </header>
      <nav aria-label={t('app.navigation')}>
        <ul>
          {kPages.map(page => (
            <li key={page.path}><a href={`#/${page.path}`} {...(page.path === name ? {'aria-current': 'page' as const} : {})}>{t(page.name)}</a></li>
          ))}
        </ul>
      </nav>
      <main ref={main} tabIndex={-1}>
        <h1 class={isCall ? 'unseen' : ''}>{title}</h1>
        {Page ? <Page /> : <p class="empty">{t('app.notFound')} <a href="#/overview">{t('app.toOverview')}</a></p>}
      </main>
      <Foot />
      <Notes />
    </div>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path class="mark-rod" d="M8 23 24 9" /><path class="mark-tip" d="m8 23 4.6-4" />
    </svg>
  );
}

// Whether figures come in. The sentence is read out when it changes, not each second that it counts down.
function Link() {
  const now = useStore(link);
  useNow();
  if (now.state === 'live') return <p class="link live" role="status"><span class="pulse" aria-hidden="true" />{t('live.live')}</p>;
  if (now.state !== 'waiting') return <p class="link" role="status"><Icon name="ring" />{t('live.connecting')}</p>;
  const seconds = Math.max(0, Math.ceil((now.until - Date.now()) / 1000));
  return (
    <p class="link lost" role="status">
      <Icon name="bang" /><span class="unseen">{t('live.waitingShort')}</span>
      <span aria-hidden="true" class="wide-only">{t('live.waiting', {seconds})}</span>
      <span aria-hidden="true" class="narrow-only">{t('live.waitingShort')}</span>
    </p>
  );
}

function Choices() {
  const locale = useStore(language);
  const look = useStore(theme);
  const next: Record<Theme, Theme> = {auto: 'light', light: 'dark', dark: 'auto'};
  const icon = {auto: 'auto', light: 'sun', dark: 'moon'} as const;
  const label = `${t('app.theme')}: ${t(`app.theme.${look}`)}`;
  return (
    <>
      <button type="button" class="quiet icon-only" aria-label={label} title={label} onClick={() => chooseTheme(next[look])}><Icon name={icon[look]} /></button>
      <label class="unseen" for="language">{t('app.language')}</label>
      <select id="language" class="quiet" value={locale} onChange={event => choose(event.currentTarget.value === 'zh' ? 'zh' : 'en')}>
        <option value="en" lang="en">English</option>
        <option value="zh" lang="zh-CN">中文</option>
      </select>
    </>
  );
}

function Foot() {
  const seen = useStore(overview);
  return (
    <footer class="foot">
      {seen && t('app.footer', {version: seen.version, revision: seen.revision, uptime: fmt.duration(relayNow() - new Date(seen.started).getTime())})}
    </footer>
  );
}

function Notes() {
  const list = useStore(notes);
  return (
    <div class="notes" role="status" aria-live="polite">
      {list.map(note => (
        <p key={note.id} class={`note ${note.kind}`}>
          <Icon name={note.kind === 'good' ? 'check' : 'bang'} /><span>{note.text}</span>
          <button type="button" class="quiet icon-only" aria-label={t('common.close')} onClick={() => dismiss(note.id)}><Icon name="cross" /></button>
        </p>
      ))}
    </div>
  );
}
