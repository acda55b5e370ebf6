// The formats in the page's language.
import * as format from '../format';
import {language} from '../i18n';

const now = () => language.get();
export const count = (value: number | null | undefined) => format.count(now(), value);
export const compact = (value: number | null | undefined) => format.compact(now(), value);
export const rate = (value: number | null | undefined) => format.rate(now(), value);
export const percent = (value: number | null | undefined) => format.percent(now(), value);
export const duration = (value: number | null | undefined) => format.duration(now(), value);
export const bytes = (value: number | null | undefined) => format.bytes(now(), value);
export const money = (value: string | null | undefined) => format.money(now(), value);
export const clockTime = (value: string | null | undefined) => format.clockTime(now(), value);
export const dateTime = (value: string | null | undefined) => format.dateTime(now(), value);
export const relative = (value: string | null | undefined, when: number) => format.relative(now(), value, when);
