// The page's language: the browser's at first, then what was chosen (kept in localStorage, like the appearance).
import {type Locale} from '../format';
import {Store} from '../store';
import {en, type Text} from './en';
import {zh} from './zh';

export const tables: Record<Locale, Record<Text, string>> = {en, zh};
const kLanguage = 'baton.language';

export function firstLanguage(kept: string | null, wanted: readonly string[]): Locale {
  if (kept === 'en' || kept === 'zh') return kept;
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return 'zh';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'en';
}

const inPage = typeof window !== 'undefined';
export const language = new Store<Locale>(inPage ? firstLanguage(localStorage.getItem(kLanguage), navigator.languages) : 'en');

export function choose(locale: Locale): void {
  localStorage.setItem(kLanguage, locale);
  language.set(locale);
}

export type Params = Record<string, string | number>;

export function fill(text: string, params: Params): string {
  return text.replace(/{(\w+)}/g, (whole, name: string) => Object.hasOwn(params, name) ? String(params[name]) : whole);
}

export function t(key: Text, params: Params = {}): string {
  return fill(tables[language.get()][key], params);
}

// The text of a closed list's member, or the word as it is when the relay knows one that the page does not.
export function word(prefix: string, name: string | null | undefined): string {
  if (!name) return '—';
  const key = `${prefix}.${name}`;
  return Object.hasOwn(en, key) ? t(key as Text) : name;
}
