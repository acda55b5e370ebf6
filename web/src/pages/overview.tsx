// Overview: what goes on, second by second.
import {useMemo} from 'preact/hooks';
import {t, word} from '../i18n';
import * as format from '../format';
import {calls, history, overview, skipped} from '../live';
import {useStore} from '../store';
import {Chart, type Line} from '../ui/chart';
import * as fmt from '../ui/fmt';
import {Icon} from '../ui/icon';
import {Bar, Panel, Table, Waiting} from '../ui/parts';
import {useFetched} from '../ui/use';
import {callColumns, withBooked} from './calls';
import type {CallRow, Overview} from '../types';

export function OverviewPage() {
  const seen = useStore(overview);
  if (!seen) return <Waiting error={null} retry={() => {}} />;
  return (
    <>
      <Notices seen={seen} />
      <Tiles seen={seen} />
      <Charts seen={seen} />
      <Latest />
    </>
  );
}

function Notices({seen}: {seen: Overview}) {
  const notes = Object.entries(seen.degraded ?? {});
  const state = seen.draining ? t('overview.draining') : seen.ready === false ? t('overview.starting') : null;
  if (notes.length === 0 && !state) return <div role="status" />;
  return (
    <div class="notice" role="status">
      <Icon name="bang" />
      <div>
        {state && <p>{state}</p>}
        {notes.length > 0 && <>
          <p><b>{t('overview.degraded')}</b></p>
          <ul>{notes.map(([topic, text]) => <li key={topic}><b>{topic}</b>: {text}</li>)}</ul>
        </>}
      </div>
    </div>
  );
}

function Tile({name, value, more, tone}: {name: string; value: string; more?: string; tone?: 'bad'}) {
  return <div class="tile"><dt>{name}</dt><dd class={`num ${tone ?? ''}`}>{value}</dd>{more && <dd class="tile-more num">{more}</dd>}</div>;
}

function Tiles({seen}: {seen: Overview}) {
  const c = seen.calls;
  const tokens = seen.tokens_per_minute;
  const saved = format.moneySum(Object.values(seen.saved_today ?? {}));
  const without = Number(seen.spent_today ?? 0) + Number(saved ?? 0);
  return (
    <dl class="tiles" aria-label={t('overview.now')}>
      <Tile name={t('overview.callsPerSecond')} value={t('common.perSecond', {value: fmt.rate(c?.per_second)})} more={t('overview.total', {count: fmt.compact(c?.total)})} />
      <Tile name={t('overview.errorsPerSecond')} value={t('common.perSecond', {value: fmt.rate(c?.errors_per_second)})} {...(c?.errors_per_second > 0 ? {tone: 'bad' as const} : {})}
        more={t('overview.errorShare', {percent: fmt.percent(c?.per_second > 0 ? c.errors_per_second / c.per_second : 0)})} />
      <Tile name={t('overview.inFlight')} value={fmt.count(c?.in_flight)} more={t('overview.waiting', {count: fmt.count(c?.waiting)})} />
      <Tile name={t('overview.streams')} value={fmt.count(seen.streams_open)} />
      <Tile name={t('overview.firstByte')} value={fmt.duration(seen.first_byte_ms?.p50)} more={t('overview.p99', {value: fmt.duration(seen.first_byte_ms?.p99)})} />
      <Tile name={t('overview.added')} value={fmt.duration(seen.added_ms?.p50)} more={t('overview.p99', {value: fmt.duration(seen.added_ms?.p99)})} />
      <Tile name={t('overview.tokens')} value={t('common.perMinute', {value: fmt.compact((tokens?.input ?? 0) + (tokens?.output ?? 0) + (tokens?.cache_read ?? 0) + (tokens?.cache_write ?? 0))})}
        more={t('overview.tokensRead', {value: fmt.compact(tokens?.cache_read)})} />
      <Tile name={t('overview.replies')} value={fmt.percent(seen.cache?.hit_ratio)} more={t('overview.hits', {hits: fmt.compact(seen.cache?.hits)})} />
      <Tile name={t('overview.spentToday')} value={fmt.money(seen.spent_today)} />
      <Tile name={t('overview.savedToday')} value={fmt.money(saved)} {...(saved !== null && without > 0 ? {more: t('overview.share', {percent: fmt.percent(Number(saved) / without)})} : {})} />
    </dl>
  );
}

function Charts({seen}: {seen: Overview}) {
  const past = useStore(history);
  const lines = useMemo(() => {
    const line = (figure: Line['figure'], label: string, colour: string, more: Partial<Line> = {}): Line => ({figure, label, colour, ...more});
    return {
      traffic: [line('calls', t('series.calls'), '--series-1', {fill: true}), line('errors', t('series.errors'), '--series-bad', {dash: [5, 3]})],
      open: [line('inFlight', t('series.inFlight'), '--series-1', {fill: true}), line('streams', t('series.streams'), '--series-2', {dash: [6, 3]}),
        line('waiting', t('series.waiting'), '--series-3', {dash: [2, 3]})],
      first: [line('firstByte50', t('series.p50'), '--series-1', {fill: true}), line('firstByte99', t('series.p99'), '--series-2', {dash: [6, 3]})],
      added: [line('added50', t('series.p50'), '--series-1', {fill: true}), line('added99', t('series.p99'), '--series-2', {dash: [6, 3]})],
      tokens: [line('input', t('series.input'), '--series-1'), line('output', t('series.output'), '--series-2', {dash: [6, 3]}),
        line('cacheRead', t('series.cacheRead'), '--series-3', {dash: [2, 3]}), line('cacheWrite', t('series.cacheWrite'), '--series-4', {dash: [8, 3, 2, 3]})],
    };
  }, []);
  const chart = (title: string, which: Line[], words: (value: number | null) => string) =>
    <Chart title={title} lines={which} history={past} format={words} />;
  return (
    <div class="grid charts">
      {chart(t('overview.traffic'), lines.traffic, value => t('common.perSecond', {value: fmt.rate(value)}))}
      {chart(t('overview.open'), lines.open, fmt.compact)}
      {chart(t('overview.firstByteChart'), lines.first, fmt.duration)}
      {chart(t('overview.addedChart'), lines.added, fmt.duration)}
      {chart(t('overview.tokensChart'), lines.tokens, fmt.compact)}
      <Money seen={seen} />
    </div>
  );
}

function Money({seen}: {seen: Overview}) {
  const saved = Object.entries(seen.saved_today ?? {});
  const amounts = [seen.spent_today, ...saved.map(([, amount]) => amount)].map(amount => Number(amount ?? 0));
  const most = Math.max(...amounts, 1e-12);
  return (
    <Panel title={t('overview.savedBy')}>
      <div class="bars">
        <Bar label={t('saved.spent')} text={fmt.money(seen.spent_today)} share={amounts[0]! / most} tone="idle" />
        {saved.map(([how, amount], i) => <Bar key={how} label={word('saved', how)} text={fmt.money(amount)} share={amounts[i + 1]! / most} tone="good" />)}
      </div>
    </Panel>
  );
}

function Latest() {
  const booked = useFetched<{calls: CallRow[]}>('/calls?limit=20', 3000);
  const list = withBooked(useStore(calls), booked.data?.calls ?? []);
  const dropped = useStore(skipped);
  return (
    <Panel title={t('overview.recent')} actions={<a href="#/calls">{t('overview.allCalls')}</a>}>
      {dropped > 0 && <p class="soft">{t('live.skipped', {count: fmt.count(dropped)})}</p>}
      <Table caption={t('overview.recentCaption')} columns={callColumns()} rows={list.slice(0, 12)} rowKey={call => call.id} empty={t('overview.noCalls')} />
    </Panel>
  );
}
