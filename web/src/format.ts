// How numbers and times are written. Pure: the locale and the present come in as arguments.
export type Locale = 'en' | 'zh';
const kTag: Record<Locale, string> = {en: 'en-US', zh: 'zh-CN'};
export const kNone = '—';

const made = new Map<string, Intl.NumberFormat>();
function number(locale: Locale, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale + JSON.stringify(options);
  let format = made.get(key);
  if (!format) made.set(key, format = new Intl.NumberFormat(kTag[locale], options));
  return format;
}

type Maybe = number | null | undefined;
const known = (value: Maybe): value is number => typeof value === 'number' && Number.isFinite(value);

export function count(locale: Locale, value: Maybe): string {
  return known(value) ? number(locale, {maximumFractionDigits: 0}).format(value) : kNone;
}

// 1234567 is 1.23M, in Chinese 123万.
export function compact(locale: Locale, value: Maybe): string {
  if (!known(value)) return kNone;
  if (Math.abs(value) < 10_000) return count(locale, value);
  return number(locale, {notation: 'compact', maximumSignificantDigits: 3}).format(value);
}

// A rate: few digits below ten, none above.
export function rate(locale: Locale, value: Maybe): string {
  if (!known(value)) return kNone;
  const digits = value === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return number(locale, {maximumFractionDigits: digits}).format(value);
}

export function percent(locale: Locale, share: Maybe): string {
  if (!known(share)) return kNone;
  return number(locale, {style: 'percent', maximumFractionDigits: share > 0 && share < 0.1 ? 1 : 0}).format(share);
}

export function duration(locale: Locale, ms: Maybe): string {
  if (!known(ms)) return kNone;
  const unit = (value: number, name: string, digits: number) =>
    number(locale, {style: 'unit', unit: name, unitDisplay: 'short', maximumFractionDigits: digits}).format(value);
  if (ms < 10) return unit(ms, 'millisecond', 2);
  if (ms < 1000) return unit(ms, 'millisecond', 0);
  if (ms < 60_000) return unit(ms / 1000, 'second', ms < 10_000 ? 2 : 1);
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return unit(Math.floor(seconds / 60), 'minute', 0) + ' ' + unit(seconds % 60, 'second', 0);
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return unit(Math.floor(minutes / 60), 'hour', 0) + ' ' + unit(minutes % 60, 'minute', 0);
  return unit(Math.floor(minutes / 1440), 'day', 0) + ' ' + unit(Math.floor(minutes / 60) % 24, 'hour', 0);
}

export function bytes(locale: Locale, value: Maybe): string {
  if (!known(value)) return kNone;
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let step = 0;
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000;
    ++step;
  }
  return number(locale, {style: 'unit', unit: units[step]!, unitDisplay: step > 0 ? 'short' : 'long', maximumFractionDigits: value < 10 && step > 0 ? 1 : 0})
    .format(value);
}

// Dollars from a decimal string. Cents from a dollar on, below that as many digits as the amount needs.
export function money(locale: Locale, value: string | null | undefined): string {
  if (value === null || value === undefined || value === '') return kNone;
  const amount = Number(value);
  if (!Number.isFinite(amount)) return kNone;
  const style = {style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol'} as const;
  const size = Math.abs(amount);
  if (size === 0 || size >= 1) return number(locale, {...style, minimumFractionDigits: 2, maximumFractionDigits: 2}).format(amount);
  if (size < 0.000001) return number(locale, {...style, maximumFractionDigits: 9}).format(amount);
  return number(locale, {...style, minimumSignificantDigits: 2, maximumSignificantDigits: 3}).format(amount);
}

// The sum of decimal strings; null when none is known.
export function moneySum(values: (string | null | undefined)[]): string | null {
  const amounts = values.filter(v => v !== null && v !== undefined && v !== '').map(Number).filter(Number.isFinite);
  return amounts.length === 0 ? null : String(amounts.reduce((a, b) => a + b, 0));
}

function date(text: string | null | undefined): Date | null {
  if (!text) return null;
  const when = new Date(text);
  return Number.isNaN(when.getTime()) ? null : when;
}

export function clockTime(locale: Locale, text: string | null | undefined, timeZone?: string): string {
  const when = date(text);
  const zone = timeZone ? {timeZone} : {};
  return when ? when.toLocaleTimeString(kTag[locale], {hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false, ...zone}) : kNone;
}

export function dateTime(locale: Locale, text: string | null | undefined, timeZone?: string): string {
  const when = date(text);
  const zone = timeZone ? {timeZone} : {};
  return when ? when.toLocaleString(kTag[locale], {dateStyle: 'medium', timeStyle: 'short', hour12: false, ...zone}) : kNone;
}

// "3 minutes ago", "in 2 days".
export function relative(locale: Locale, text: string | null | undefined, now: number): string {
  const when = date(text);
  if (!when) return kNone;
  const seconds = (when.getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(kTag[locale], {numeric: 'auto', style: 'short'});
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [[60, 'second'], [60, 'minute'], [24, 'hour'], [30, 'day'], [12, 'month']];
  let value = seconds;
  for (const [size, unit] of steps) {
    if (Math.abs(value) < size) return format.format(Math.trunc(value), unit);
    value /= size;
  }
  return format.format(Math.trunc(value), 'year');
}

// What is left until then as m:ss or h:mm:ss; empty when it has passed.
export function countdown(text: string | null | undefined, now: number): string {
  const when = date(text);
  if (!when || when.getTime() <= now) return '';
  const left = Math.ceil((when.getTime() - now) / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(left / 3600);
  const rest = `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, '');
}
