// SseReader: server-sent events from a stream of bytes, since EventSource cannot send a token. Holds at most kEventBytesMax of one event.
// Source: HTML Living Standard 9.2.6 (read 2026-11).
export interface SseEvent { event: string; data: string }

const kEventBytesMax = 1024 * 1024;

export class SseReader {
  private decoder = new TextDecoder();
  private rest = '';
  private event = '';
  private data: string[] = [];
  private size = 0;

  // The events that are complete with these bytes. Throws when one is too large.
  push(bytes: Uint8Array): SseEvent[] {
    const events: SseEvent[] = [];
    const text = this.rest + this.decoder.decode(bytes, {stream: true});
    let start = 0;
    for (;;) {
      const end = nextBreak(text, start);
      if (end < 0) break;
      this.line(text.slice(start, end), events);
      start = end + (text[end] === '\r' && text[end + 1] === '\n' ? 2 : 1);
    }
    this.rest = text.slice(start);
    if (this.rest.length + this.size > kEventBytesMax) throw new Error('an event is too large');
    return events;
  }

  private line(line: string, events: SseEvent[]): void {
    if (line === '') {
      if (this.data.length > 0) events.push({event: this.event || 'message', data: this.data.join('\n')});
      this.event = '';
      this.data = [];
      this.size = 0;
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'event') this.event = value;
    if (field === 'data') {
      this.data.push(value);
      this.size += value.length;
    }
  }
}

// Where the next line ends, or -1. A carriage return at the very end may still be followed by its line feed.
function nextBreak(text: string, start: number): number {
  for (let i = start; i < text.length; ++i) {
    if (text[i] === '\n') return i;
    if (text[i] === '\r') return i + 1 < text.length ? i : -1;
  }
  return -1;
}
