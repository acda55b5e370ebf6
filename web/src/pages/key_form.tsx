// What is asked of a person about a key or a team's budget, and what of it goes to the API.
import {offers, send} from '../api';
import {t, word} from '../i18n';
import {useStore} from '../store';
import type {BudgetSet, Key, Team} from '../types';
import {Ask, Field} from '../ui/parts';
import {say} from '../ui/use';

const kPlain = {autocomplete: 'off', spellcheck: false} as const;
type Words = (name: string) => string;
const words = (form: FormData): Words => name => String(form.get(name) ?? '').trim();

// A budget as it is set; what was reserved by stays so. Null: none.
export function budgetOf(text: Words, before: BudgetSet | null | undefined): BudgetSet | null {
  const day = text('day').replace(/^\$/, '');
  const month = text('month').replace(/^\$/, '');
  if (!day && !month) return null;
  return {...(day ? {day} : {}), ...(month ? {month} : {}), ...(before?.reserve ? {reserve: before.reserve} : {})};
}

// `has`: which of the members of a key and its rights this relay knows. For a key that is changed an empty field takes a limit away; for a
// new one it says nothing.
export function keyBody(text: Words, key: Key | null, has: (schema: string, name: string) => boolean): Record<string, unknown> {
  const models = text('models').split(',').map(part => part.trim()).filter(Boolean);
  const rights: Record<string, unknown> = {};
  if (models.length > 0 || key) rights['models'] = models;
  for (const [field, name] of [['rpm', 'requests_per_minute'], ['tpm', 'tokens_per_minute'], ['concurrency', 'concurrency']] as const)
    if (has('Rights', name) && (text(field) || key)) rights[name] = Number(text(field) || 0);
  if (has('Rights', 'priority') && text('priority') && (key || text('priority') !== 'normal')) rights['priority'] = text('priority');
  const ttl = text('ttl');
  const budget = budgetOf(text, key?.budget);
  return {
    ...(key ? {team: text('team') || null} : {name: text('name'), ...(text('team') ? {team: text('team')} : {})}),
    ...(ttl ? {ttl: key && ttl === 'never' ? null : ttl} : {}),
    ...(Object.keys(rights).length > 0 ? {rights} : {}),
    ...(has('NewKey', 'budget') && (budget || key) ? {budget} : {}),
  };
}

function BudgetFields({before}: {before: BudgetSet | null | undefined}) {
  return (
    <>
      <Field label={t('keys.budgetDay')} hint={t('keys.budgetHint')}>{props => <input {...props} {...kPlain} name="day" inputMode="decimal" defaultValue={before?.day ?? ''} />}</Field>
      <Field label={t('keys.budgetMonth')} hint={t('keys.budgetHint')}>{props => <input {...props} {...kPlain} name="month" inputMode="decimal" defaultValue={before?.month ?? ''} />}</Field>
    </>
  );
}

function KeyFields({of}: {of: Key | null}) {
  const {field} = useStore(offers);
  const rights = of?.rights ?? {};
  const number = (name: string) => { const value = Number(rights[name] ?? 0); return value > 0 ? String(value) : ''; };
  const count = (label: string, name: string, right: string) => (
    <Field label={label} hint={t('common.optional')}>{props => <input {...props} {...kPlain} name={name} type="number" min={1} step={1} defaultValue={number(right)} />}</Field>
  );
  return (
    <div class="form-grid">
      {!of && <Field label={t('keys.name')} hint={t('keys.nameHint')}>{props => <input {...props} {...kPlain} name="name" required maxLength={64} />}</Field>}
      <Field label={t('keys.team')} hint={t('common.optional')}>{props => <input {...props} {...kPlain} name="team" maxLength={64} defaultValue={of?.team ?? ''} />}</Field>
      <Field label={t('keys.ttl')} hint={t(of ? 'keys.ttlChangeHint' : 'keys.ttlHint')}>{props => <input {...props} {...kPlain} name="ttl" />}</Field>
      {field('NewKey', 'budget') && <BudgetFields before={of?.budget} />}
      <Field label={t('keys.models')} hint={t('keys.modelsHint')}>{props =>
        <input {...props} {...kPlain} name="models" defaultValue={Array.isArray(rights['models']) ? rights['models'].join(', ') : ''} />}</Field>
      {count(t('keys.rpm'), 'rpm', 'requests_per_minute')}
      {field('Rights', 'tokens_per_minute') && count(t('keys.tpm'), 'tpm', 'tokens_per_minute')}
      {count(t('keys.concurrency'), 'concurrency', 'concurrency')}
      {field('Rights', 'priority') && <Field label={t('keys.priority')} hint={t('keys.priorityHint')}>{props =>
        <select {...props} name="priority" defaultValue={String(rights['priority'] ?? 'normal')}>
          {(['low', 'normal', 'high'] as const).map(one => <option key={one} value={one}>{word('priority', one)}</option>)}
        </select>}</Field>}
    </div>
  );
}

export function Create({close, made}: {close: () => void; made: (name: string, secret: string) => void}) {
  const {field} = useStore(offers);
  const run = async (form: FormData) => {
    const text = words(form);
    const result = await send<{secret: string}>('POST', '/keys', keyBody(text, null, field));
    made(text('name'), result.secret);
  };
  return <Ask title={t('keys.create')} action={t('keys.createDo')} run={run} close={close}><KeyFields of={null} /></Ask>;
}

export function Change({of, close, done}: {of: Key; close: () => void; done: () => Promise<void>}) {
  const {field} = useStore(offers);
  const run = async (form: FormData) => {
    await send('PATCH', `/keys/${encodeURIComponent(of.name)}`, keyBody(words(form), of, field));
    say('good', t('keys.changed', {name: of.name}));
    close();
    await done();
  };
  return <Ask title={t('keys.changeAsk', {name: of.name})} action={t('keys.save')} run={run} close={close}><KeyFields of={of} /></Ask>;
}

export function ChangeTeam({of, close, done}: {of: Team; close: () => void; done: () => Promise<void>}) {
  const run = async (form: FormData) => {
    await send('PATCH', `/teams/${encodeURIComponent(of.name)}`, {budget: budgetOf(words(form), of.budget)});
    say('good', t('keys.changed', {name: of.name}));
    close();
    await done();
  };
  return (
    <Ask title={t('teams.changeAsk', {name: of.name})} text={t('teams.changeText')} action={t('keys.save')} run={run} close={close}>
      <div class="form-grid"><BudgetFields before={of.budget} /></div>
    </Ask>
  );
}
