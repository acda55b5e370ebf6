// Accounts: what each may still take, why one takes nothing, and how to change that.
import {useState} from 'preact/hooks';
import {send} from '../api';
import {countdown} from '../format';
import {t} from '../i18n';
import type {Text} from '../i18n/en';
import type {Account, AccountLimits, Accounts, AccountTest, Share} from '../types';
import * as fmt from '../ui/fmt';
import {Icon} from '../ui/icon';
import {Ask, Bar, Field, Panel, plain, State, stateLook, Table, Waiting, type Tone} from '../ui/parts';
import {explain, say, useFetched, useNow} from '../ui/use';

type Action = 'drain' | 'park' | 'release' | 'test';

export function AccountsPage() {
  const {data, error, reload} = useFetched<Accounts>('/accounts', 2000);
  const [asked, setAsked] = useState<{name: string; action: Action} | null>(null);
  const now = useNow();
  if (!data) return <Waiting error={error} retry={() => void reload()} />;
  const queue = data.queue;
  return (
    <>
      {queue && <p class="soft">{t('accounts.queue')}: {queue.length_max ? t('accounts.queueWaiting', {waiting: fmt.count(queue.waiting), max: fmt.count(queue.length_max), time: fmt.duration(queue.max_wait_ms)})
        : t('accounts.queueOff')}</p>}
      {error && <p class="error" role="alert"><Icon name="bang" />{error}</p>}
      <div class="grid accounts">
        {data.accounts.map(account => <AccountPanel key={account.name} account={account} now={now} ask={action => setAsked({name: account.name, action})} />)}
      </div>
      {data.accounts.length === 0 && <p class="empty">{t('common.nothing')}</p>}
      {asked && <AskAccount {...asked} close={() => setAsked(null)} done={reload} />}
    </>
  );
}

function AccountPanel({account, now, ask}: {account: Account; now: number; ask: (action: Action) => void}) {
  const idle = account.state === 'parked' || account.state === 'draining';
  const left = countdown(account.until, now);
  const domains = [account.provider, account.group && t('accounts.group', {group: account.group}),
    account.limit_domain && account.limit_domain !== account.name && t('accounts.limitDomain', {domain: account.limit_domain}),
    account.cache_domain && account.cache_domain !== account.name && t('accounts.cacheDomain', {domain: account.cache_domain}),
    account.weight !== undefined && t('accounts.weight', {weight: account.weight})].filter(Boolean);
  return (
    <Panel title={account.name} actions={<State name={account.state} />}>
      <p class="soft dots">{domains.map(text => <span key={String(text)}>{text}</span>)}</p>
      {(account.reason || account.until) && account.state !== 'ready' && (
        <p class={`reason ${stateLook(account.state)[0]}`}><Icon name={stateLook(account.state)[1]} /><span>{account.reason} {account.until && <b class="num">{left ? t('accounts.back', {time: left}) : t('accounts.soon')}</b>}</span></p>
      )}
      <p class="dots">
        <span>{t('accounts.inFlight')}: <b class="num">{fmt.count(account.in_flight)}</b></span>
        {account.failures !== undefined && <span class="num">{t('accounts.failures', {count: fmt.count(account.failures)})}</span>}
      </p>
      <Limits account={account} now={now} />
      <Endpoints account={account} />
      {account.affinity && (
        <p class="soft">
          {t('accounts.affinity')}: {t('accounts.affinityText', {kept: fmt.compact(account.affinity.kept), moved: fmt.compact(account.affinity.moved), fresh: fmt.compact(account.affinity.new)})}
          {(account.affinity.saved || account.affinity.lost) && <>; {t('accounts.affinitySaved', {saved: fmt.money(account.affinity.saved), lost: fmt.money(account.affinity.lost)})}</>}
        </p>
      )}
      <div class="buttons" role="group" aria-label={`${t('common.actions')}: ${account.name}`}>
        {!idle && <button type="button" onClick={() => ask('drain')}>{t('accounts.drain')}</button>}
        {account.state !== 'parked' && <button type="button" onClick={() => ask('park')}>{t('accounts.park')}</button>}
        {account.state !== 'ready' && <button type="button" onClick={() => ask('release')}>{t('accounts.release')}</button>}
        <button type="button" onClick={() => ask('test')}>{t('accounts.test')}</button>
      </div>
    </Panel>
  );
}

const kKinds = [['requests', 'accounts.requests'], ['input_tokens', 'accounts.inputTokens'], ['output_tokens', 'accounts.outputTokens']] as const;

function Limits({account, now}: {account: Account; now: number}) {
  const limits = account.limits ?? [];
  const stated = limits.filter(limit => limit.benched_until || kKinds.some(([kind]) => isStated(limit[kind])));
  if (stated.length === 0) return <p class="soft">{t('accounts.noLimits')}</p>;
  return <div class="bars limits">{stated.map(limit => <ClassLimits key={limit.class} limit={limit} many={stated.length > 1} now={now} />)}</div>;
}

const isStated = (share: Share | null | undefined): share is Share => !!share && share.limit !== null && share.limit !== undefined;

function ClassLimits({limit, many, now}: {limit: AccountLimits; many: boolean; now: number}) {
  const left = countdown(limit.benched_until, now);
  return (
    <>
      {(many || left) && <p class="bars-head">{t('accounts.class', {name: limit.class})} {left && <b class="num">{t('accounts.back', {time: left})}</b>}</p>}
      {kKinds.map(([kind, label]) => {
        const share = limit[kind];
        if (!isStated(share) || share.limit === null) return null;
        const part = share.limit > 0 && share.remaining !== null ? share.remaining / share.limit : null;
        const tone: Tone = part === null ? 'idle' : part < 0.1 ? 'bad' : part < 0.3 ? 'warn' : 'good';
        return <Bar key={kind} label={t(label)} tone={tone} share={part} text={t('accounts.remaining', {remaining: fmt.compact(share.remaining), limit: fmt.compact(share.limit)})} />;
      })}
    </>
  );
}

function Endpoints({account}: {account: Account}) {
  if (!account.endpoints || account.endpoints.length === 0) return null;
  return (
    <Table caption={t('accounts.endpointsCaption', {name: account.name})} rows={account.endpoints} rowKey={endpoint => endpoint.url} columns={[
      {id: 'url', head: t('accounts.url'), title: true, cell: endpoint => <span class="mono break">{endpoint.url}</span>},
      {id: 'connect', head: t('accounts.connect'), number: true, cell: endpoint => fmt.duration(endpoint.connect_ms)},
      {id: 'first', head: t('accounts.firstByte'), number: true, cell: endpoint => fmt.duration(endpoint.first_byte_ms)},
      {id: 'flight', head: t('accounts.inFlight'), number: true, cell: endpoint => endpoint.concurrency_limit
        ? t('common.of', {part: fmt.count(endpoint.in_flight), whole: fmt.count(endpoint.concurrency_limit)}) : fmt.count(endpoint.in_flight)},
    ]} />
  );
}

function AskAccount({name, action, close, done}: {name: string; action: Action; close: () => void; done: () => Promise<void>}) {
  const run = async (form: FormData) => {
    const path = `/accounts/${encodeURIComponent(name)}/${action}`;
    if (action === 'test') {
      const result = await send<AccountTest>('POST', path);
      if (result.error || (result.status !== undefined && result.status >= 400)) {
        say('bad', t('accounts.testFailed', {name, message: result.error ? plain(result.error) : String(result.status)}));
      } else {
        say('good', t('accounts.testOk', {name, status: result.status ?? '—', time: fmt.duration(result.latency_ms)}));
      }
    } else {
      const reason = String(form.get('reason') ?? '').trim();
      const account = await send<Account>('POST', path, reason ? {reason} : {});
      say('good', t('accounts.done', {name, state: account.state ? t(`state.${account.state}` as Text) : action}));
    }
    close();
    await done().catch(failure => say('bad', explain(failure)));
  };
  return (
    <Ask title={t(`accounts.${action}Ask`, {name})} text={t(`accounts.${action}Text`)} action={t(`accounts.${action}`)} danger={action === 'park' || action === 'drain'} run={run} close={close}>
      {action !== 'test' && <Field label={t('common.reason')}>{props => <input {...props} name="reason" maxLength={200} autocomplete="off" />}</Field>}
    </Ask>
  );
}
