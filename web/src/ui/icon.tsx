// Small drawings on a 16 × 16 grid. They repeat what a word beside them says, so a screen reader passes over them.
const kPaths = {
  dot: 'M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9z',
  ring: '',
  clock: '',
  pause: 'M4.5 3.5h2.5v9H4.5zM9 3.5h2.5v9H9z',
  cross: '', down: '', check: '', bang: '', copy: '', sun: '', moon: '', auto: '', out: '', bolt: 'M9 1 3 9h4l-1 6 6-8H8z',
} as const;
const kStrokes: Partial<Record<keyof typeof kPaths, string>> = {
  ring: 'M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9z',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.5V8l2.5 1.5',
  cross: 'M4 4l8 8M12 4l-8 8',
  down: 'M8 3v9.5M4 8.5 8 12.5l4-4',
  check: 'M3 8.5 6.5 12 13 4.5',
  bang: 'M8 3v6.5M8 12.2v.3',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1',
  moon: 'M13.5 9.5A6 6 0 1 1 6.5 2.5a5 5 0 0 0 7 7z',
  auto: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12',
  out: 'M6 2.5H3v11h3M7 8h6.5M11 5.5 13.5 8 11 10.5',
};
export type IconName = keyof typeof kPaths;

export function Icon({name}: {name: IconName}) {
  const stroke = kStrokes[name];
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      {stroke ? <path d={stroke} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" />
        : <path d={kPaths[name]} fill="currentColor" />}
    </svg>
  );
}
