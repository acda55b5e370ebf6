// What the sources ask of a browser as soon as they are read, for tests without one.
const kept = () => {
  const values = new Map<string, string>();
  return {getItem: (key: string) => values.get(key) ?? null, setItem: (key: string, value: string) => { values.set(key, value); }, removeItem: (key: string) => { values.delete(key); }};
};
Object.assign(globalThis, {
  sessionStorage: kept(), localStorage: kept(), location: {hash: ''}, window: globalThis, addEventListener: () => {}, removeEventListener: () => {},
  matchMedia: () => ({addEventListener: () => {}}), document: {documentElement: {dataset: {}}},
});
Object.defineProperty(globalThis, 'navigator', {value: {languages: ['en']}, configurable: true});
