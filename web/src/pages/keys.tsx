// Keys: who may call, with what rights and budgets; made, rotated and revoked here.
import {useState} from 'preact/hooks';
import {offers, send} from '../api';
import {t, word} from '../i18n';
import {useStore} from '../store';
import type {Budget, Key, Team} from '../types';
import * as fmt from '../ui/fmt';
import {Ask, Bar, Chips, CopyButton, Dialog, Field, Panel, State, Table, Waiting, words, type Tone} from '../ui/parts';
import {say, useFetched, useNow} from '../ui/use';
import {Change, ChangeTeam, Create} from './key_form';

export function keyState(key: Key, now: number): 'active' | 'revoked' | 'expired' {
  if (key.revoked) return 'revoked';
  if (key.expires && new Date(key.expires).getTime() <= now) return 'expired';
  return 'active';
}

type Asked = {what: 'create'} | {what: 'change'; of: Key} | {what: 'rotate' | 'revoke'; name: string} | {what: 'secret'; name: string; secret: string};

export function KeysPage() {
  const {data, error, reload} = useFetched<{keys: Key[]}>('/keys', 5000);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [all, setAll] = useState(false);
  const [find, setFind] = useState('');
  const {path} = useStore(offers);
  const now = useNow();
  const secret = (name: string, value: string) => {
    setAsked({what: 'secret', name, secret: value});
    void reload();
  };
  const wanted = find.trim().toLowerCase();
  const shown = (data?.keys ?? []).filter(key => (all || keyState(key, now) === 'active') &&
    [key.name, key.team, ...words(key.tags)].join('\n').toLowerCase().includes(wanted));
  return (
    <>
    <Panel>
      <form class="filters" role="search" onSubmit={event => event.preventDefault()}>
        <Field label={t('keys.filter')}>{props => <input type="search" {...props} value={find} onInput={event => setFind(event.currentTarget.value)} />}</Field>
        <label class="check"><input type="checkbox" checked={all} onChange={event => setAll(event.currentTarget.checked)} />{t('keys.showRevoked')}</label>
        <button type="button" class="primary end" onClick={() => setAsked({what: 'create'})}>{t('keys.create')}</button>
      </form>
      {!data ? <Waiting error={error} retry={() => void reload()} /> : (
        <Table caption={t('keys.caption')} rows={shown} rowKey={key => `${key.id ?? ''} ${key.name} ${key.prefix ?? ''}`} empty={data.keys.length === 0 ? t('keys.none') : t('common.nothing')} columns={[
          {id: 'name', head: t('keys.name'), title: true, cell: key => <><span class="break">{key.name}</span><div class="under"><span class="mono">{key.prefix ? `${key.prefix}…` : ''}</span> <span class="still" title={fmt.dateTime(key.created)}>{t('keys.created', {time: fmt.relative(key.created, now)})}</span></div></>},
          {id: 'team', head: t('keys.team'), cell: key => <span class="break">{key.team || '—'}</span>},
          {id: 'state', head: t('keys.state'), cell: key => <State name={keyState(key, now)} />},
          {id: 'budgets', head: t('keys.budgets'), cell: key => <Budgets budgets={key.budgets ?? []} now={now} />},
          {id: 'rights', head: t('keys.rightsAndTags'), cell: key => <div class="stack"><Rights rights={key.rights} />{words(key.tags).length > 0 && <Chips value={key.tags} />}</div>},
          {id: 'expires', head: t('keys.expires'), cell: key => key.expires ? <span class="still" title={fmt.dateTime(key.expires)}>{fmt.relative(key.expires, now)}</span> : t('common.never')},
          {id: 'used', head: t('keys.lastUsed'), cell: key => key.last_used ? <span class="still" title={fmt.dateTime(key.last_used)}>{fmt.relative(key.last_used, now)}</span> : t('common.never')},
          {id: 'actions', head: t('common.actions'), cell: key => keyState(key, now) !== 'active' ? '—' : (
            <span class="buttons">
              {path('/keys/{name}') && <button type="button" aria-label={`${t('keys.change')}: ${key.name}`} onClick={() => setAsked({what: 'change', of: key})}>{t('keys.change')}</button>}
              <button type="button" aria-label={`${t('keys.rotate')}: ${key.name}`} onClick={() => setAsked({what: 'rotate', name: key.name})}>{t('keys.rotate')}</button>
              <button type="button" class="danger" aria-label={`${t('keys.revoke')}: ${key.name}`} onClick={() => setAsked({what: 'revoke', name: key.name})}>{t('keys.revoke')}</button>
            </span>
          )},
        ]} />
      )}
      {asked?.what === 'create' && <Create close={() => setAsked(null)} made={secret} />}
      {asked?.what === 'change' && <Change of={asked.of} close={() => setAsked(null)} done={reload} />}
      {asked?.what === 'rotate' && <Rotate name={asked.name} close={() => setAsked(null)} made={secret} />}
      {asked?.what === 'revoke' && <Revoke name={asked.name} close={() => setAsked(null)} done={reload} />}
      {asked?.what === 'secret' && <Secret name={asked.name} secret={asked.secret} close={() => setAsked(null)} />}
    </Panel>
    {path('/teams') && <Teams />}
    </>
  );
}

function Teams() {
  const {data, error, reload} = useFetched<{teams: Team[]}>('/teams', 5000);
  const [asked, setAsked] = useState<Team | null>(null);
  const now = useNow();
  return (
    <Panel title={t('teams.title')}>
      {!data ? <Waiting error={error} retry={() => void reload()} /> : (
        <Table caption={t('teams.caption')} rows={data.teams} rowKey={team => team.name} empty={t('teams.none')} columns={[
          {id: 'name', head: t('keys.team'), title: true, cell: team => <span class="break">{team.name}</span>},
          {id: 'keys', head: t('teams.keys'), number: true, cell: team => fmt.count(team.keys)},
          {id: 'budgets', head: t('keys.budgets'), cell: team => <Budgets budgets={team.budgets ?? []} now={now} />},
          {id: 'actions', head: t('common.actions'), cell: team => (
            <span class="buttons"><button type="button" aria-label={`${t('keys.change')}: ${team.name}`} onClick={() => setAsked(team)}>{t('keys.change')}</button></span>
          )},
        ]} />
      )}
      {asked && <ChangeTeam of={asked} close={() => setAsked(null)} done={reload} />}
    </Panel>
  );
}

function Budgets({budgets, now}: {budgets: Budget[]; now: number}) {
  if (budgets.length === 0) return <span class="soft">{t('keys.noBudget')}</span>;
  return (
    <div class="bars small">
      {budgets.map(budget => {
        const share = budget.share ?? (Number(budget.limit) > 0 ? Number(budget.spent ?? 0) / Number(budget.limit) : null);
        const tone: Tone = share === null ? 'idle' : share >= 1 ? 'bad' : share >= 0.8 ? 'warn' : 'good';
        const text = t('keys.spentOf', {spent: fmt.money(budget.spent), limit: fmt.money(budget.limit), period: word('period', budget.period)});
        const more = [Number(budget.reserved ?? 0) > 0 && t('keys.reserved', {amount: fmt.money(budget.reserved)}),
          budget.resets && t('keys.resets', {time: fmt.relative(budget.resets, now)})].filter(Boolean).join(', ');
        return <div key={budget.period} title={more}><Bar label={fmt.percent(share)} text={text} share={share} tone={tone} /></div>;
      })}
    </div>
  );
}

function Rights({rights}: {rights: Key['rights']}) {
  const set = Object.fromEntries(Object.entries(rights ?? {}).filter(([, value]) =>
    ![null, 0, false, '', 'default', 'normal'].includes(value as null) && !(Array.isArray(value) && value.length === 0)));
  return Object.keys(set).length === 0 ? <span class="soft">{t('keys.allRights')}</span> : <Chips value={set} />;
}

function Rotate({name, close, made}: {name: string; close: () => void; made: (name: string, secret: string) => void}) {
  const run = async (form: FormData) => {
    const grace = String(form.get('grace') ?? '').trim();
    const result = await send<{secret: string}>('POST', `/keys/${encodeURIComponent(name)}/rotate`, grace ? {grace} : {});
    made(name, result.secret);
  };
  return (
    <Ask title={t('keys.rotateAsk', {name})} text={t('keys.rotateText')} action={t('keys.rotate')} run={run} close={close}>
      <Field label={t('keys.grace')} hint={t('keys.graceHint')}>{props => <input {...props} name="grace" autocomplete="off" />}</Field>
    </Ask>
  );
}

function Revoke({name, close, done}: {name: string; close: () => void; done: () => Promise<void>}) {
  const run = async () => {
    await send('POST', `/keys/${encodeURIComponent(name)}/revoke`);
    say('good', t('keys.revoked', {name}));
    close();
    await done();
  };
  return <Ask title={t('keys.revokeAsk', {name})} text={t('keys.revokeText')} action={t('keys.revoke')} danger run={run} close={close} />;
}

function Secret({name, secret, close}: {name: string; secret: string; close: () => void}) {
  return (
    <Dialog title={t('keys.secretTitle', {name})} close={close}>
      <p>{t('keys.secretText')}</p>
      <Field label={t('keys.secretLabel')}>{props =>
        <input {...props} class="mono" readOnly value={secret} onFocus={event => event.currentTarget.select()} />}</Field>
      <footer class="dialog-foot"><CopyButton text={secret} /><button type="button" class="primary" onClick={close}>{t('common.close')}</button></footer>
    </Dialog>
  );
}
