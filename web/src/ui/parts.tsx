// The parts that pages are made of.
import type {ComponentChildren} from 'preact';
import {useEffect, useId, useRef, useState} from 'preact/hooks';
import {t, word} from '../i18n';
import {Icon, type IconName} from './icon';
import {explain, say} from './use';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'idle';

const kStates: Record<string, [Tone, IconName]> = {
  ready: ['good', 'dot'], active: ['good', 'dot'], benched: ['warn', 'clock'], probing: ['info', 'ring'], draining: ['info', 'down'],
  parked: ['idle', 'pause'], ejected: ['bad', 'cross'], expired: ['idle', 'clock'], revoked: ['bad', 'cross'], rotated: ['idle', 'ring'],
  starting: ['info', 'ring'],
};

export const stateLook = (name: string): [Tone, IconName] => kStates[name] ?? ['idle', 'ring'];

// A state by shape, word and colour.
export function State({name}: {name: string}) {
  const [tone, icon] = stateLook(name);
  return <Badge tone={tone} icon={icon}>{word('state', name)}</Badge>;
}

export function Badge({tone, icon, children}: {tone: Tone; icon?: IconName; children: ComponentChildren}) {
  return <span class={`badge ${tone}`}>{icon && <Icon name={icon} />}{children}</span>;
}

export function Status({code}: {code: number}) {
  const tone: Tone = code >= 500 || code === 0 ? 'bad' : code >= 400 ? 'warn' : 'good';
  return <Badge tone={tone} icon={tone === 'good' ? 'check' : tone === 'warn' ? 'bang' : 'cross'}>{code || '—'}</Badge>;
}

export function Panel({title, actions, children, wide, level = 2}:
  {title?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren; wide?: boolean; level?: 2 | 3}) {
  const id = useId();
  const Heading = `h${level}` as 'h2' | 'h3';
  return (
    <section class={wide ? 'panel wide' : 'panel'} {...(title ? {'aria-labelledby': id} : {})}>
      {title && <header class="panel-head"><Heading id={id}>{title}</Heading>{actions && <div class="panel-actions">{actions}</div>}</header>}
      {children}
    </section>
  );
}

// A share of a whole with its words beside it. `tone` colours it; the words say the same.
export function Bar({label, text, share, tone = 'info'}: {label: string; text: string; share: number | null; tone?: Tone}) {
  const part = share === null ? 0 : Math.min(1, Math.max(0, share));
  return (
    <div class="bar">
      <div class="bar-words"><span>{label}</span><span class="num">{text}</span></div>
      <div class={`bar-track ${tone}`} role="meter" aria-label={label} aria-valuetext={text} aria-valuemin={0} aria-valuemax={100}
        aria-valuenow={Math.round(part * 100)}>
        <div class="bar-fill" style={{width: `${part * 100}%`}} />
      </div>
    </div>
  );
}

export interface Column<Row> {
  id: string;
  head: string;
  cell: (row: Row) => ComponentChildren;
  number?: boolean;
  title?: boolean;  // names the row
}

// A table that turns into a list of cards on a narrow screen.
export function Table<Row>({caption, columns, rows, rowKey, empty, showCaption}:
  {caption: string; columns: Column<Row>[]; rows: Row[]; rowKey: (row: Row) => string; empty?: string; showCaption?: boolean}) {
  if (rows.length === 0) return <p class="empty">{empty ?? t('common.nothing')}</p>;
  return (
    <div class="table-frame" role="region" aria-label={caption} tabIndex={0}>
      <table>
        <caption class={showCaption ? '' : 'unseen'}>{caption}</caption>
        <thead>
          <tr>{columns.map(column => <th scope="col" key={column.id} class={column.number ? 'num' : ''}>{column.head}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={rowKey(row)}>
              {columns.map(column => {
                const props = {'data-label': column.head, class: column.number ? 'num' : ''};
                return column.title ? <th scope="row" key={column.id} {...props}>{column.cell(row)}</th>
                  : <td key={column.id} {...props}>{column.cell(row)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Waiting({error, retry}: {error: string | null; retry: () => void}) {
  if (error === null) return <p class="empty" role="status">{t('common.loading')}</p>;
  return <p class="empty" role="alert">{error} <button type="button" onClick={retry}>{t('common.retry')}</button></p>;
}

export function Fact({name, broad, children}: {name: string; broad?: boolean; children: ComponentChildren}) {
  return <div class={broad ? 'fact broad' : 'fact'}><dt>{name}</dt><dd>{children}</dd></div>;
}

export function Field({label, hint, children}: {label: string; hint?: string; children: (props: {id: string; 'aria-describedby'?: string}) => ComponentChildren}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({id, ...(hint ? {'aria-describedby': `${id}-hint`} : {})})}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </div>
  );
}

// A modal dialogue. Escape and the close button end it; the browser keeps the focus inside and gives it back.
export function Dialog({title, children, close}: {title: string; children: ComponentChildren; close: () => void}) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} aria-labelledby={id} onCancel={event => { event.preventDefault(); close(); }}>
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet icon-only" aria-label={t('common.close')} onClick={close}><Icon name="cross" /></button>
      </header>
      {children}
    </dialog>
  );
}

// A form in a dialogue. `run` does the work; what it throws is shown and the dialogue stays.
export function Ask({title, text, action, danger, run, close, children}: {
  title: string; text?: string; action: string; danger?: boolean; run: (form: FormData) => Promise<void>; close: () => void;
  children?: ComponentChildren;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (event: SubmitEvent & {currentTarget: HTMLFormElement}) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await run(form);
    } catch (failure) {
      setError(explain(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} close={close}>
      <form onSubmit={event => void submit(event)}>
        {text && <p>{text}</p>}
        {children}
        {error && <p class="error" role="alert"><Icon name="bang" />{error}</p>}
        <footer class="dialog-foot">
          <button type="button" onClick={close}>{t('common.cancel')}</button>
          <button type="submit" class={danger ? 'danger' : 'primary'} disabled={busy}>{action}</button>
        </footer>
      </form>
    </Dialog>
  );
}

export function CopyButton({text}: {text: string}) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say('good', t('common.copied'));
    } catch {
      say('bad', t('common.copyFailed'));
    }
  };
  return <button type="button" onClick={() => void copy()}><Icon name="copy" />{t('common.copy')}</button>;
}

// Tags and the like, which may be a list or a map.
export function words(value: unknown): string[] {
  if (value === null || value === undefined || value === '') return [];
  if (Array.isArray(value)) return value.flatMap(words);
  if (typeof value === 'object') return Object.entries(value).map(([key, item]) => item === true ? key : `${key}=${plain(item)}`);
  return typeof value === 'string' ? value.split(',').map(part => part.trim()).filter(Boolean) : [String(value)];
}
export function plain(value: unknown): string {
  if (value === null || value === undefined) return '—';
  return typeof value === 'object' ? words(value).join(' ') : String(value);
}

export function Chips({value}: {value: unknown}) {
  const list = words(value);
  return list.length === 0 ? <span class="soft">—</span> : <span class="chips">{list.map(word => <span class="chip" key={word}>{word}</span>)}</span>;
}
