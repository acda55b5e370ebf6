// Light, dark, or as the system says; kept in localStorage.
import {Store} from './store';

export type Theme = 'auto' | 'light' | 'dark';
const kTheme = 'baton.theme';
const kept = localStorage.getItem(kTheme);
export const theme = new Store<Theme>(kept === 'light' || kept === 'dark' ? kept : 'auto');

export function apply(choice: Theme): void {
  if (choice === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = choice;
}

export function chooseTheme(choice: Theme): void {
  localStorage.setItem(kTheme, choice);
  apply(choice);
  theme.set(choice);
}

// Counts changes: what is drawn on a canvas must then be drawn anew.
export const look = new Store(0);
theme.watch(() => look.set(look.get() + 1));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => look.set(look.get() + 1));
