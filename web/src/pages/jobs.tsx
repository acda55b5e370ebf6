// Jobs: the batches that were made through this relay.
import {t} from '../i18n';
import * as fmt from '../ui/fmt';
import {Panel, Table, Waiting} from '../ui/parts';
import {useFetched, useNow} from '../ui/use';

interface Job { id: string; account?: string; used?: string }

export function JobsPage() {
  const {data, error, reload} = useFetched<{jobs: Job[]}>('/jobs', 10_000);
  const now = useNow();
  return (
    <Panel>
      {!data ? <Waiting error={error} retry={() => void reload()} /> : (
        <Table caption={t('jobs.caption')} empty={t('jobs.none')} rows={data.jobs} rowKey={job => job.id} columns={[
          {id: 'id', head: t('jobs.id'), title: true, cell: job => <span class="mono break">{job.id}</span>},
          {id: 'account', head: t('jobs.account'), cell: job => job.account || '—'},
          {id: 'used', head: t('jobs.used'), cell: job => <span title={fmt.dateTime(job.used)}>{fmt.relative(job.used, now)}</span>},
        ]} />
      )}
    </Panel>
  );
}
