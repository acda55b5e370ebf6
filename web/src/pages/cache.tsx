// Cache: the replies that are kept, and how to purge them.
import {useState} from 'preact/hooks';
import {offers, send} from '../api';
import {moneySum} from '../format';
import {t} from '../i18n';
import {overview} from '../live';
import {useStore} from '../store';
import type {Overview} from '../types';
import * as fmt from '../ui/fmt';
import {Ask, Bar, Fact, Field, Panel, plain, Waiting} from '../ui/parts';
import {say, useFetched} from '../ui/use';

type Kept = Partial<Overview['cache']> & Record<string, unknown>;
const kKnown = ['entries', 'bytes', 'hits', 'misses', 'hit_ratio', 'stale', 'coalesced', 'saved'];
const kWhat = [['all', 'cache.whatAll'], ['tenant', 'cache.whatTenant'], ['tag', 'cache.whatTag'], ['key', 'cache.whatKey']] as const;

export function CachePage() {
  const {data, error, reload} = useFetched<Kept>('/cache', 2000);
  const live = useStore(overview);
  const {path} = useStore(offers);
  const [what, setWhat] = useState<typeof kWhat[number][0]>('all');
  const [which, setWhich] = useState('');
  const [asking, setAsking] = useState(false);
  if (!data) return <Waiting error={error} retry={() => void reload()} />;
  const purge = async () => {
    const result = await send<{entries: number; bytes?: number}>('POST', '/cache/purge', what === 'all' ? {all: true} : {[what]: which.trim()});
    say('good', t('cache.purged', {count: fmt.count(result.entries), size: fmt.bytes(result.bytes)}));
    setAsking(false);
    await reload();
  };
  const more = Object.entries(data).filter(([name]) => !kKnown.includes(name));
  return (
    <div class="grid two">
      <Panel title={t('cache.caption')}>
        <p class="soft">{t('cache.explain')}</p>
        <Bar label={t('cache.hitRatio')} text={fmt.percent(data.hit_ratio)} share={data.hit_ratio ?? null} tone="good" />
        <dl class="facts">
          <Fact name={t('cache.entries')}><span class="num">{fmt.count(data.entries)}</span></Fact>
          <Fact name={t('cache.bytes')}><span class="num">{fmt.bytes(data.bytes)}</span></Fact>
          <Fact name={t('cache.hits')}><span class="num">{fmt.count(data.hits)}</span></Fact>
          <Fact name={t('cache.misses')}><span class="num">{fmt.count(data.misses)}</span></Fact>
          {typeof data['stale'] === 'number' && <Fact name={t('cache.stale')}><span class="num">{fmt.count(data['stale'])}</span></Fact>}
          {typeof data['coalesced'] === 'number' && <Fact name={t('cache.coalesced')}><span class="num">{fmt.count(data['coalesced'])}</span></Fact>}
          {typeof data['saved'] === 'string' && <Fact name={t('cache.savedTotal')}><span class="num">{fmt.money(data['saved'])}</span></Fact>}
          <Fact name={t('cache.saved')}><span class="num">{fmt.money(moneySum([live?.saved_today?.['reuse'], live?.saved_today?.['coalesced'], live?.saved_today?.['similar']]))}</span></Fact>
          {more.map(([name, value]) => <Fact key={name} name={name.replaceAll('_', ' ')}>{typeof value === 'number' ? fmt.count(value) : plain(value)}</Fact>)}
        </dl>
      </Panel>
      {path('/cache/purge') && <Panel title={t('cache.purgeTitle')}>
        <p class="soft">{t('cache.purgeText')}</p>
        <form onSubmit={event => { event.preventDefault(); setAsking(true); }}>
          <Field label={t('cache.what')}>{props =>
            <select {...props} value={what} onChange={event => setWhat(event.currentTarget.value as typeof what)}>
              {kWhat.map(([value, label]) => <option key={value} value={value}>{t(label)}</option>)}
            </select>}</Field>
          {what !== 'all' && <Field label={t('cache.value')}>{props =>
            <input {...props} required value={which} autocomplete="off" onInput={event => setWhich(event.currentTarget.value)} />}</Field>}
          <div class="buttons"><button type="submit" class="danger">{t('cache.purge')}</button></div>
        </form>
      </Panel>}
      {asking && <Ask title={t('cache.purgeAsk')} text={what === 'all' ? t('cache.whatAll') : `${t(kWhat.find(([value]) => value === what)![1])} ${which}`}
        action={t('cache.purge')} danger run={purge} close={() => setAsking(false)} />}
    </div>
  );
}
