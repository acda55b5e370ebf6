// Spend: what was booked, by whom, for what, and what was saved.
import {useState} from 'preact/hooks';
import {moneySum} from '../format';
import {t, word} from '../i18n';
import type {Usage, UsageRow} from '../types';
import * as fmt from '../ui/fmt';
import {Field, Panel, Table, Waiting} from '../ui/parts';
import {useFetched} from '../ui/use';

const kBy = ['key', 'team', 'model', 'account', 'tag', 'day'] as const;

function day(daysAgo: number): string {
  return new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
}

// The day after, since a time until which is asked is not part of it.
export function dayAfter(text: string): string {
  return new Date(Date.parse(`${text}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

// RFC 4180; a cell that a spreadsheet would take for a formula gets an apostrophe.
export function csv(rows: UsageRow[]): string {
  const cell = (value: string | number | null | undefined) => {
    let text = value === null || value === undefined ? '' : String(value);
    if (typeof value === 'string' && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const ways = waysOf(rows);
  const head = ['name', 'calls', 'input_tokens', 'output_tokens', 'cache_read', 'cache_write', 'cost', 'reserved', 'saved', ...ways.map(way => `saved_by_${way}`)];
  const lines = rows.map(row => [cell(row.name), row.calls, row.input_tokens, row.output_tokens, row.cache_read, row.cache_write, row.cost ?? '', row.reserved ?? '',
    moneySum(Object.values(row.saved ?? {})) ?? '', ...ways.map(way => cell(row.saved?.[way]))].join(','));
  return [head.join(','), ...lines].join('\r\n') + '\r\n';
}

// The ways by which something was saved, in the relay's order.
export function waysOf(rows: UsageRow[]): string[] {
  const ways = new Set(rows.flatMap(row => Object.keys(row.saved ?? {})));
  return [...ways].filter(way => rows.some(row => Number(row.saved?.[way] ?? 0) !== 0));
}

export function SpendPage() {
  const [by, setBy] = useState<typeof kBy[number]>('key');
  const [since, setSince] = useState(day(6));
  const [until, setUntil] = useState('');
  const path = `/usage?by=${by}${since ? `&since=${since}` : ''}${until ? `&until=${dayAfter(until)}` : ''}`;
  const {data, error, reload} = useFetched<Usage>(path, 10_000);
  const rows = data?.rows ?? [];
  const total: UsageRow | null = data?.total && rows.length > 0
    ? {name: t('spend.total'), calls: 0, input_tokens: 0, output_tokens: 0, cache_read: 0, cache_write: 0, cost: null, ...data.total} : null;
  const save = () => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([csv(rows)], {type: 'text/csv'}));
    link.download = `baton-usage-by-${by}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  return (
    <Panel>
      <form class="filters" onSubmit={event => event.preventDefault()}>
        <Field label={t('spend.by')}>{props =>
          <select {...props} value={by} onChange={event => setBy(event.currentTarget.value as typeof by)}>
            {kBy.map(one => <option key={one} value={one}>{t(`spend.by.${one}`)}</option>)}
          </select>}</Field>
        <Field label={t('spend.since')}>{props => <input type="date" {...props} value={since} onChange={event => setSince(event.currentTarget.value)} />}</Field>
        <Field label={t('spend.until')}>{props => <input type="date" {...props} value={until} onChange={event => setUntil(event.currentTarget.value)} />}</Field>
        {rows.length > 0 && <button type="button" class="end" onClick={save}>{t('spend.download')}</button>}
      </form>
      {(data?.total?.unpriced ?? 0) > 0 && <p class="soft">{t('spend.unpriced', {count: fmt.count(data?.total?.unpriced)})}</p>}
      {!data ? <Waiting error={error} retry={() => void reload()} /> : (
        <Table caption={t('spend.caption', {by: t(`spend.by.${by}`)})} empty={t('spend.none')} rows={total ? [...rows, total] : rows} rowKey={row => row === total ? '\n' : row.name} columns={[
          {id: 'name', head: t('spend.name'), title: true, cell: row => <span class={row === total ? 'total' : 'break'}>{row.name || t('spend.unnamed')}</span>},
          {id: 'calls', head: t('spend.calls'), number: true, cell: row => fmt.count(row.calls)},
          {id: 'failed', head: t('spend.failed'), number: true, cell: row => fmt.count(row.failed)},
          {id: 'input', head: t('spend.input'), number: true, cell: row => fmt.compact(row.input_tokens)},
          {id: 'output', head: t('spend.output'), number: true, cell: row => fmt.compact(row.output_tokens)},
          {id: 'read', head: t('spend.cacheRead'), number: true, cell: row => fmt.compact(row.cache_read)},
          {id: 'write', head: t('spend.cacheWrite'), number: true, cell: row => fmt.compact(row.cache_write)},
          ...(rows.some(row => Number(row.reserved ?? 0) !== 0) ? [{id: 'reserved', head: t('spend.reserved'), number: true, cell: (row: UsageRow) => fmt.money(row.reserved)}] : []),
          ...waysOf(rows).map(way => ({id: way, head: t('spend.savedBy', {way: word('saved', way)}), number: true, cell: (row: UsageRow) => fmt.money(row.saved?.[way])})),
          {id: 'cost', head: t('spend.cost'), number: true, cell: row => <b>{fmt.money(row.cost)}</b>},
        ]} />
      )}
    </Panel>
  );
}
