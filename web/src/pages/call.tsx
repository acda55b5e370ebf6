// One call: its facts, and its attempts over time.
import {t, word} from '../i18n';
import {useStore} from '../store';
import type {Attempt, CallDetail, Tokens} from '../types';
import * as fmt from '../ui/fmt';
import {Badge, Chips, Fact, Panel, Status, Table, Waiting} from '../ui/parts';
import {place, useFetched} from '../ui/use';

// Where each attempt begins, as told or one after another, and the length of the whole.
export function spans(attempts: Attempt[], durationMs: number | null): {start: number; first: number | null; end: number}[] {
  let cursor = 0;
  const list = attempts.map(attempt => {
    const start = attempt.started_ms ?? cursor;
    const first = attempt.first_byte_ms ?? null;
    const end = start + Math.max(attempt.total_ms ?? first ?? 0, first ?? 0);
    cursor = end;
    return {start, first: first === null ? null : start + first, end};
  });
  const whole = Math.max(durationMs ?? 0, ...list.map(span => span.end), 1e-6);
  return list.map(span => ({start: span.start / whole, first: span.first === null ? null : span.first / whole, end: span.end / whole}));
}

function tokenWords(tokens: Tokens | null | undefined): string {
  if (!tokens) return '—';
  const parts: [string, number | undefined][] = [[t('calls.input'), tokens.input], [t('calls.output'), tokens.output],
    [t('calls.cacheRead'), tokens.cache_read], [t('calls.cacheWrite'), tokens.cache_write]];
  return parts.filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => `${name} ${fmt.count(value)}`).join(' · ') || '—';
}

export function CallPage() {
  const id = useStore(place)[1] ?? '';
  const {data: call, error, reload} = useFetched<CallDetail>(`/calls/${encodeURIComponent(id)}`);
  return (
    <>
      <p><a href="#/calls">← {t('nav.calls')}</a></p>
      <Panel title={<span class="mono">{id}</span>} actions={call && <>{call.simulated && <Badge tone="idle">{t('calls.simulated')}</Badge>}<Status code={call.status} /></>}>
        {!call ? <Waiting error={error} retry={() => void reload()} /> : <Facts call={call} />}
      </Panel>
      {call && <Timeline call={call} />}
    </>
  );
}

function Facts({call}: {call: CallDetail}) {
  return (
    <dl class="facts">
      <Fact name={t('calls.time')}>{fmt.dateTime(call.time)}</Fact>
      <Fact name={t('calls.key')}>{call.key || '—'}</Fact>
      <Fact name={t('calls.team')}>{call.team || '—'}</Fact>
      <Fact name={t('calls.model')}>{call.model || '—'}</Fact>
      <Fact name={t('calls.operation')}>{call.operation || '—'}</Fact>
      <Fact name={t('calls.ending')}>{word('ending', call.ending)}</Fact>
      {call.error && <Fact broad name={t('calls.error')}>{call.error}</Fact>}
      <Fact name={t('calls.stream')}>{call.stream === undefined ? '—' : call.stream ? t('common.yes') : t('common.no')}</Fact>
      <Fact name={t('calls.firstByte')}><span class="num">{fmt.duration(call.first_byte_ms)}</span></Fact>
      <Fact name={t('calls.duration')}><span class="num">{fmt.duration(call.duration_ms)}</span></Fact>
      <Fact name={t('calls.added')}><span class="num">{fmt.duration(call.added_ms)}</span></Fact>
      <Fact name={t('calls.waits')}><span class="num">{fmt.duration(call.waited_ms)}</span></Fact>
      <Fact name={t('calls.cost')}><span class="num">{fmt.money(call.cost)}</span></Fact>
      <Fact broad name={t('calls.tokens')}><span class="num">{tokenWords(call.tokens)}{call.thinking_tokens ? ` · ${t('calls.thinking')} ${fmt.count(call.thinking_tokens)}` : ''}</span></Fact>
      <Fact broad name={t('calls.size')}><span class="num">{t('calls.sizeText', {request: fmt.bytes(call.request_bytes), reply: fmt.bytes(call.reply_bytes)})}</span></Fact>
      <Fact name={t('calls.cache')}>{call.cache || '—'}</Fact>
      <Fact broad name={t('calls.session')}><span class="mono">{call.session || '—'}</span></Fact>
      {call.agent && <Fact broad name={t('calls.agent')}><span class="mono">{call.agent}</span></Fact>}
      {call.client_address && <Fact name={t('calls.client')}><span class="mono">{call.client_address}</span></Fact>}
      {call.upstream_request_id && <Fact broad name={t('calls.upstreamId')}><span class="mono">{call.upstream_request_id}</span></Fact>}
      <Fact broad name={t('calls.tags')}><Chips value={call.tags} /></Fact>
    </dl>
  );
}

function Timeline({call}: {call: CallDetail}) {
  const attempts = call.attempts ?? [];
  const where = spans(attempts, call.duration_ms ?? null);
  const good = (attempt: Attempt) => attempt.status !== undefined && attempt.status >= 200 && attempt.status < 300;
  if (attempts.length === 0) return <Panel title={t('calls.timeline')}><p class="empty">{t('calls.noAttempts')}</p></Panel>;
  return (
    <Panel title={t('calls.timeline')}>
      <ol class="timeline" aria-hidden="true">
        {attempts.map((attempt, i) => {
          const {start, first, end} = where[i]!;
          return (
            <li key={i}>
              <span class="timeline-name">{i + 1}. {attempt.account || '—'}</span>
              <span class="timeline-track">
                <span class={`timeline-span ${good(attempt) ? 'good' : 'bad'}`} style={{left: `${start * 100}%`, width: `max(3px, ${(end - start) * 100}%)`}}>
                  {first !== null && <span class="timeline-wait" style={{width: `${end > start ? (first - start) / (end - start) * 100 : 100}%`}} />}
                </span>
              </span>
              <span class="timeline-end num">{fmt.duration(attempt.total_ms)}</span>
            </li>
          );
        })}
      </ol>
      <p class="legend" aria-hidden="true">
        <span class="legend-item"><span class="swatch wait" />{t('calls.untilFirstByte')}</span>
        <span class="legend-item"><span class="swatch rest" />{t('calls.streaming')}</span>
      </p>
      <Table caption={t('calls.timelineCaption')} rowKey={row => String(row.number)} rows={attempts.map((attempt, i) => ({...attempt, number: i + 1}))} columns={[
        {id: 'number', head: '#', cell: row => row.number, number: true},
        {id: 'account', head: t('calls.account'), title: true, cell: row => row.account || '—'},
        {id: 'status', head: t('calls.status'), cell: row => <Status code={row.status ?? 0} />},
        {id: 'result', head: t('calls.result'), cell: row => row.result || '—'},
        {id: 'first', head: t('calls.firstByte'), number: true, cell: row => row.status ? fmt.duration(row.first_byte_ms) : '—'},
        {id: 'took', head: t('calls.took'), number: true, cell: row => fmt.duration(row.total_ms)},
        {id: 'tokens', head: t('calls.tokens'), number: true, cell: row => tokenWords(row.tokens)},
        {id: 'cost', head: t('calls.cost'), number: true, cell: row => fmt.money(row.cost)},
      ]} />
    </Panel>
  );
}
