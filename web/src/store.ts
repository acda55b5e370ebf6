// Store: one value that components watch. No more is needed: the page has a handful of them.
import {useEffect, useState} from 'preact/hooks';

export class Store<T> {
  private watchers = new Set<() => void>();
  constructor(private value: T) {}
  get(): T { return this.value; }
  set(value: T): void {
    this.value = value;
    for (const watcher of [...this.watchers]) watcher();
  }
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => { this.watchers.delete(watcher); };
  }
}

export function useStore<T>(store: Store<T>): T {
  const [, render] = useState(0);
  useEffect(() => store.watch(() => render(n => n + 1)), [store]);
  return store.get();
}
