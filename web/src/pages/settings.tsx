// Settings: which configuration is in force, and what was changed by whom.
import {useState} from 'preact/hooks';
import {ApiError, send} from '../api';
import {t} from '../i18n';
import type {AuditEntry, ConfigInfo} from '../types';
import * as fmt from '../ui/fmt';
import {Icon} from '../ui/icon';
import {Ask, Fact, Panel, Table, Waiting} from '../ui/parts';
import {say, useFetched} from '../ui/use';

export function SettingsPage() {
  const config = useFetched<ConfigInfo>('/config', 10_000);
  const audit = useFetched<{entries: AuditEntry[]} | {audit: AuditEntry[]}>('/audit?limit=100', 10_000);
  const [asking, setAsking] = useState(false);
  const reload = async () => {
    try {
      const result = await send<{revision: number}>('POST', '/reload');
      say('good', t('settings.reloaded', {revision: result.revision}));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 422) throw error;
      say('bad', t('settings.rejected', {message: error.message}));
    }
    setAsking(false);
    await Promise.all([config.reload(), audit.reload()]);
  };
  return (
    <>
      <Panel title={t('settings.config')} actions={<button type="button" onClick={() => setAsking(true)}>{t('settings.reload')}</button>}>
        {!config.data ? <Waiting error={config.error} retry={() => void config.reload()} /> : <Config config={config.data} />}
      </Panel>
      <Panel title={t('settings.audit')}>
        <p class="soft">{t('settings.chain')}</p>
        {!audit.data ? <Waiting error={audit.error} retry={() => void audit.reload()} /> : <Audit entries={'entries' in audit.data ? audit.data.entries : audit.data.audit} />}
      </Panel>
      {asking && <Ask title={t('settings.reloadAsk')} text={t('settings.reloadText')} action={t('settings.reload')} run={reload} close={() => setAsking(false)} />}
    </>
  );
}

function Config({config}: {config: ConfigInfo}) {
  const warnings = config.warnings ?? [];
  return (
    <>
      <dl class="facts">
        <Fact name={t('settings.revision')}><span class="num">{fmt.count(config.revision)}</span></Fact>
        <Fact name={t('settings.loaded')}>{fmt.dateTime(config.loaded)}</Fact>
        <Fact name={t('settings.path')}><span class="mono break">{config.path || t('settings.noPath')}</span></Fact>
      </dl>
      <h3>{t('settings.warnings')}</h3>
      {warnings.length === 0 ? <p class="soft">{t('settings.noWarnings')}</p> : <ul class="warnings">{warnings.map(text => <li key={text}><Icon name="bang" /><span>{text}</span></li>)}</ul>}
    </>
  );
}

function Audit({entries}: {entries: AuditEntry[]}) {
  const newest = [...entries].sort((a, b) => b.seq - a.seq);
  return (
    <Table caption={t('settings.auditCaption')} empty={t('settings.auditNone')} rows={newest} rowKey={entry => String(entry.seq)} columns={[
      {id: 'seq', head: '#', title: true, cell: entry => <span class="num">{entry.seq}</span>},
      {id: 'when', head: t('settings.when'), cell: entry => fmt.dateTime(entry.time)},
      {id: 'who', head: t('settings.who'), cell: entry => [entry.who, entry.role].filter(Boolean).join(' · ') || '—'},
      {id: 'action', head: t('settings.action'), cell: entry => entry.action},
      {id: 'target', head: t('settings.target'), cell: entry => <span class="break">{entry.target || '—'}</span>},
      {id: 'outcome', head: t('settings.outcome'), cell: entry => entry.outcome || '—'},
      {id: 'hash', head: t('settings.hash'), cell: entry => <span class="mono" title={entry.hash ?? ''}>{entry.hash ? `${entry.hash.slice(0, 10)}…` : '—'}</span>},
    ]} />
  );
}
