// Calls: what ended lately, without any content. New ones come in live; older ones are asked for.
import {useEffect, useMemo, useState} from 'preact/hooks';
import {get} from '../api';
import {t, word} from '../i18n';
import {calls as liveCalls} from '../live';
import {useStore} from '../store';
import type {CallRow} from '../types';
import * as fmt from '../ui/fmt';
import {Field, Panel, Status, Table, Waiting, type Column} from '../ui/parts';
import {explain, useFetched} from '../ui/use';

const kPage = 100;
interface Page { calls: CallRow[]; next_before?: number | null }

export function callColumns(): Column<CallRow>[] {
  return [
    {id: 'time', head: t('calls.time'), cell: call => <time dateTime={call.time} title={fmt.dateTime(call.time)} class="num">{fmt.clockTime(call.time)}</time>},
    {id: 'id', head: t('calls.id'), title: true, cell: call => <a class="mono" href={`#/calls/${encodeURIComponent(call.id)}`}>{call.id}</a>},
    {id: 'key', head: t('calls.key'), cell: call => call.key || '—'},
    {id: 'model', head: t('calls.model'), cell: call => call.model || call.operation || '—'},
    {id: 'status', head: t('calls.status'), cell: call => <><Status code={call.status} />{call.ending && call.ending !== 'complete' && <span class="soft"> {word('ending', call.ending)}</span>}</>},
    {id: 'first', head: t('calls.firstByte'), number: true, cell: call => fmt.duration(call.first_byte_ms)},
    {id: 'took', head: t('calls.duration'), number: true, cell: call => fmt.duration(call.duration_ms)},
    {id: 'attempts', head: t('calls.attempts'), number: true, cell: call => fmt.count(call.attempts)},
    {id: 'tokens', head: t('calls.tokens'), number: true, cell: call => call.tokens
      ? t('calls.tokensShort', {input: fmt.compact(call.tokens.input), output: fmt.compact(call.tokens.output)}) : '—'},
    {id: 'cost', head: t('calls.cost'), number: true, cell: call => fmt.money(call.cost)},
  ];
}

// A call is shown as it ends, and what it cost once it is booked: an entry of `live` gets the cost of the one in `booked`, and those that
// only `booked` has follow by time.
export function withBooked(live: CallRow[], booked: CallRow[]): CallRow[] {
  const known = new Map<string, CallRow>();
  for (const call of [...live, ...booked]) {
    const seen = known.get(call.id);
    if (!seen) known.set(call.id, call);
    else if ((seen.cost ?? null) === null && (call.cost ?? null) !== null) known.set(call.id, {...seen, cost: call.cost!});
  }
  return [...known.values()].sort((a, b) => a.time < b.time ? 1 : a.time > b.time ? -1 : 0);
}

interface Wanted { key: string; status: string; find: string }

export function matches(call: CallRow, wanted: Wanted): boolean {
  if (wanted.key && call.key !== wanted.key) return false;
  if (wanted.status && Math.floor(call.status / 100) !== Number(wanted.status)) return false;
  const text = [call.id, call.model, call.team, call.key, call.ending].join('\n').toLowerCase();
  return text.includes(wanted.find.trim().toLowerCase());
}

export function CallsPage() {
  const [wanted, setWanted] = useState<Wanted>({key: '', status: '', find: ''});
  const [following, setFollowing] = useState(true);
  const [older, setOlder] = useState<CallRow[]>([]);
  const [next, setNext] = useState<number | null | undefined>(undefined);  // not asked yet: what the first page says
  const [error, setError] = useState<string | null>(null);
  const query = `limit=${kPage}${wanted.key ? `&key=${encodeURIComponent(wanted.key)}` : ''}`;
  const first = useFetched<Page>(`/calls?${query}`, following ? 5000 : 0);
  const live = useStore(liveCalls);
  useEffect(() => { setOlder([]); setNext(undefined); setError(null); }, [query]);
  const before = next === undefined ? first.data?.next_before ?? null : next;

  const all = useMemo(() => withBooked(following ? live : [], [...(first.data?.calls ?? []), ...older]), [first.data, live, older, following]);
  const shown = all.filter(call => matches(call, wanted));
  const keys = [...new Set([...all.map(call => call.key ?? ''), wanted.key])].filter(Boolean).sort();

  const more = async () => {
    try {
      const page = await get<Page>(`/calls?${query}&before=${before}`);
      setOlder([...older, ...page.calls]);
      setNext(page.next_before ?? null);
    } catch (failure) {
      setError(explain(failure));
    }
  };

  return (
    <Panel>
      <form class="filters" role="search" onSubmit={event => event.preventDefault()}>
        <Field label={t('calls.find')}>{props =>
          <input type="search" {...props} value={wanted.find} onInput={event => setWanted({...wanted, find: event.currentTarget.value})} />}</Field>
        <Field label={t('calls.key')}>{props =>
          <select {...props} value={wanted.key} onChange={event => setWanted({...wanted, key: event.currentTarget.value})}>
            <option value="">{t('calls.any')}</option>
            {keys.map(key => <option key={key} value={key}>{key}</option>)}
          </select>}</Field>
        <Field label={t('calls.status')}>{props =>
          <select {...props} value={wanted.status} onChange={event => setWanted({...wanted, status: event.currentTarget.value})}>
            <option value="">{t('calls.any')}</option>
            <option value="2">{t('calls.ok')}</option>
            <option value="4">{t('calls.clientError')}</option>
            <option value="5">{t('calls.serverError')}</option>
          </select>}</Field>
        <label class="check"><input type="checkbox" checked={following} onChange={event => setFollowing(event.currentTarget.checked)} />{t('calls.follow')}</label>
      </form>
      {first.data === null && all.length === 0 ? <Waiting error={first.error} retry={() => void first.reload()} />
        : <Table caption={t('calls.caption')} columns={callColumns()} rows={shown} rowKey={call => call.id} empty={t('calls.none')} />}
      {first.data !== null && (before === null ? <p class="soft">{t('calls.end')}</p>
        : <p><button type="button" onClick={() => void more()}>{t('common.more')}</button></p>)}
      {error && <p class="error" role="alert">{error}</p>}
      <p class="soft">{t('calls.noContent')}</p>
    </Panel>
  );
}
