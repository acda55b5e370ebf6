// Chart: lines over the last minutes, drawn by uPlot. The legend beneath holds the present figures, or those under the pointer; each line
// also has its own dashes, so that none is known by colour alone.
import {useEffect, useRef, useState} from 'preact/hooks';
import uPlot from 'uplot';
import {language, t} from '../i18n';
import type {History, Figure} from '../live';
import {look} from '../theme';
import {useStore} from '../store';
import * as fmt from './fmt';
import {Panel} from './parts';

export interface Line { figure: Figure; label: string; colour: string; dash?: number[]; fill?: boolean }

const kHeight = 150;
const kSecondsMin = 60;  // what the time axis spans at least

// A colour of the style sheet as the canvas needs it.
function colourOf(element: HTMLElement, value: string): string {
  const probe = document.createElement('span');
  probe.style.color = value;
  element.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function options(frame: HTMLElement, lines: Line[], format: (value: number) => string, seen: (index: number | null) => void): uPlot.Options {
  const soft = colourOf(frame, 'var(--text-soft)');
  const rule = {stroke: colourOf(frame, 'var(--line)'), width: 1};
  const font = `11px ${getComputedStyle(frame).fontFamily}`;
  return {
    width: frame.clientWidth || 300, height: kHeight, padding: [8, 30, 0, 0],
    legend: {show: false},
    cursor: {y: false, points: {size: 6}, drag: {x: false, y: false}},
    scales: {x: {time: true, range: (_, low, high) => [Math.min(low, high - kSecondsMin), high]}, y: {range: (_, __, high) => [0, Math.max(high * 1.15, 1e-9) || 1]}},
    axes: [
      {stroke: soft, font, size: 26, grid: {show: false}, ticks: {...rule, size: 4}, space: 70,
        values: (_, splits) => splits.map(s => new Date(s * 1000).toLocaleTimeString(language.get() === 'zh' ? 'zh-CN' : 'en-GB',
          {hour: '2-digit', minute: '2-digit', ...((splits[1] ?? 0) - (splits[0] ?? 0) < 60 ? {second: '2-digit'} : {})}))},
      {stroke: soft, font, size: 58, grid: rule, ticks: {show: false}, space: 28, values: (_, splits) => splits.map(format)},
    ],
    series: [{}, ...lines.map(line => {
      const fill = line.fill ? {fill: colourOf(frame, `color-mix(in srgb, var(${line.colour}) 14%, transparent)`)} : {};
      return {label: line.label, stroke: colourOf(frame, `var(${line.colour})`), width: 1.75, points: {show: false},
        ...(line.dash ? {dash: line.dash} : {}), ...fill};
    })],
    hooks: {setCursor: [plot => seen(plot.cursor.idx ?? null)]},
  };
}

export function Chart({title, lines, history, format}: {title: string; lines: Line[]; history: History; format: (value: number | null) => string}) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [index, setIndex] = useState<number | null>(null);
  const drawn = useStore(look);
  const data = [history.time, ...lines.map(line => history.columns[line.figure])] as uPlot.AlignedData;
  useEffect(() => {
    const element = frame.current!;
    const made = new uPlot(options(element, lines, format, setIndex), data, element);
    plot.current = made;
    const watch = new ResizeObserver(() => { if (element.clientWidth > 0) made.setSize({width: element.clientWidth, height: kHeight}); });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [drawn, lines]);
  useEffect(() => { plot.current?.setData(data); }, [history]);

  const last = history.time.length - 1;
  const at = index !== null && index <= last ? index : last;
  const value = (line: Line) => format(history.columns[line.figure][at] ?? null);
  const summary = `${title}: ${lines.map(line => `${line.label} ${format(history.columns[line.figure][last] ?? null)}`).join(', ')}`;
  const pointed = index !== null && at >= 0 ? fmt.clockTime(new Date(history.time[at]! * 1000).toISOString()) : t('overview.window', {minutes: Math.ceil(Math.max(kSecondsMin, (history.time[last] ?? 0) - (history.time[0] ?? 0)) / 60)});
  return (
    <Panel title={title} actions={<span class="soft num small-text" aria-hidden="true">{pointed}</span>}>
      <figure class="chart">
        <div ref={frame} class="chart-plot" role="img" aria-label={summary} />
        <figcaption class="legend">
          {lines.map(line => (
            <span class="legend-item" key={line.figure}>
              <svg width="20" height="8" aria-hidden="true"><line x1="0" y1="4" x2="20" y2="4" stroke-width="2.5" style={{stroke: `var(${line.colour})`}}
                {...(line.dash ? {'stroke-dasharray': line.dash.join(' ')} : {})} /></svg>
              {line.label} <b class="num">{value(line)}</b>
            </span>
          ))}
        </figcaption>
      </figure>
    </Panel>
  );
}
